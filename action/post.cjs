// After the job, whatever became of the step: a run that the step did not finish is removed, and its comment brought to an end.
// GitHub gives a cancelled job five minutes in all, so this takes four at most; the deadline in AWS is what is left after that.
'use strict';

const { awsRun, fail, forwardSignals } = require('./shim.cjs');

const LIMIT_MS = 4 * 60 * 1000;

(async () => {
  const run = process.env.STATE_RUN_ID;
  if (!(run || process.env.STATE_COMMENT) || process.env.STATE_FINISHED) return;
  forwardSignals();
  process.exitCode = await awsRun(['github', 'post'], { limit_ms: LIMIT_MS });
  if (process.exitCode === 130 && run) fail(`The removal of ${run} was not finished. Finish it with: aws-run cleanup ${run}`);
})();
