// The action's step: `aws-run github action`, whose exit code is the step's.
'use strict';

const { awsRun, forwardSignals, makeEnvironment, wasInterrupted } = require('./shim.cjs');

(async () => {
  forwardSignals();
  if (await makeEnvironment()) process.exitCode = await awsRun(['github', 'action']);
  else process.exitCode = wasInterrupted() ? 130 : 125;
})();
