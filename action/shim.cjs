// What main.cjs and post.cjs share: a Python, a private environment for this checkout, and a child that gets our signals.
// Everything else is Python: runner/aws_run/github/ and runner/aws_run/cli/github/.
'use strict';

const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const CHECKOUT = path.dirname(__dirname);
const LOCK = path.join(CHECKOUT, 'requirements', 'action.txt');
const FITS = 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))';
const NAMES = ['python3', 'python', 'python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3.10'];

let child = null;
let interrupted = false;

// The runner signals this process and no other (actions/runner, ProcessInvoker.cs), so each signal is passed on.
function forwardSignals() {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      interrupted = true;
      if (child) child.kill(signal);
    });
  }
}

// Runs a program to its end and returns its exit code; 130 where a signal came before or ended it.
// Its stdin stays open as long as this process lives: a child that reads its end knows that we were killed.
function run(program, args, { quiet = false, limit_ms = 0 } = {}) {
  if (interrupted) return Promise.resolve(130);
  return new Promise((resolve) => {
    child = spawn(program, args, { stdio: ['pipe', quiet ? 'ignore' : 'inherit', quiet ? 'ignore' : 'inherit'] });
    child.stdin.on('error', () => {});
    const running = child;
    // The first signal is answered by aws-run with what it is doing, the second ends it.
    const timers = limit_ms ? ['SIGINT', 'SIGTERM'].map((s, i) => setTimeout(() => running.kill(s), limit_ms + i * 1000)) : [];
    const done = (code) => {
      timers.forEach(clearTimeout);
      child = null;
      resolve(code);
    };
    running.on('error', () => done(127));
    running.on('close', (code, signal) => done(signal ? 130 : code));
  });
}

// -I everywhere: neither PYTHON* variables nor the working directory, which is the project's, choose what is imported.
async function findPython() {
  const wanted = (process.env['INPUT_PYTHON'] || '').trim();
  for (const name of wanted ? [wanted] : NAMES) {
    if ((await run(name, ['-I', '-c', FITS], { quiet: true })) === 0) return name;
  }
  if (interrupted) return null;
  const which = wanted ? `The input python (${JSON.stringify(wanted)}) is no` : 'This runner has no';
  fail(`${which} Python 3.10 or newer with the modules venv and ensurepip. Put actions/setup-python before this step.`);
  return null;
}

function environmentDir() {
  const key = createHash('sha256').update(CHECKOUT).update(fs.readFileSync(LOCK)).digest('hex').slice(0, 16);
  return path.join(process.env.RUNNER_TEMP || os.tmpdir(), `aws-run-${key}`);
}

function interpreter() {
  return path.join(environmentDir(), 'bin', 'python');
}

// Makes the environment where this job has none yet: what requirements/action.txt locks, and a path file for this checkout.
async function makeEnvironment() {
  const dir = environmentDir();
  const ready = path.join(dir, 'ready');
  if (fs.existsSync(ready)) return true;
  const python = await findPython();
  if (!python) return false;
  console.log('::group::Install aws-run');
  const pip = ['-I', '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '--only-binary=:all:'];
  const sources = ['runner', 'entrypoint'].map((name) => path.join(CHECKOUT, name));
  const write = 'import pathlib, sys, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "aws_run_checkout.pth")'
    + '.write_text("".join(f"{each}\\n" for each in sys.argv[1:]), encoding="utf-8")';
  const steps = [
    [python, ['-I', '-m', 'venv', '--clear', dir], 'The virtual environment could not be made.'],
    [interpreter(), [...pip, '--require-hashes', '-r', LOCK],
      'The packages of aws-run could not be installed; the lines above are pip\'s own.'],
    [interpreter(), ['-I', '-c', write, ...sources], 'The checkout could not be added to the environment.'],
  ];
  for (const [program, args, message] of steps) {
    if ((await run(program, args)) !== 0) {
      console.log('::endgroup::');
      if (!interrupted) fail(message);
      return false;
    }
  }
  fs.writeFileSync(ready, '');
  console.log('::endgroup::');
  return true;
}

function awsRun(args, options) {
  return run(interpreter(), ['-I', '-m', 'aws_run.cli', ...args], options);
}

function fail(message) {
  console.log(`::error title=aws-run::${message.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A')}`);
}

module.exports = { awsRun, environmentDir, fail, forwardSignals, makeEnvironment, wasInterrupted: () => interrupted };
