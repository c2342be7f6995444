import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../bindings/index.js';
import { catalog } from './catalog.js';
import { isWhole, parseOptions, selectCases, type BenchOptions } from './options.js';
import { Peers } from './peers.js';
import { describeMachine, type BenchRecord } from './record.js';
import { measureRegret } from './regret.js';
import { MARKDOWN, progressLine, renderRecord, TERMINAL } from './report.js';
import { dtypesOf, measureLimits, runCase } from './runner.js';
import { Workshop } from './workshop.js';

const RESULTS = join(packageRoot(), 'bench', 'RESULTS.md');

/** The record of a run that was cut off, with which --resume goes on. */
function earlierRecord(file: string | undefined, threads: number): BenchRecord | undefined {
  if (!file) return undefined;
  const record = JSON.parse(readFileSync(file, 'utf8')) as BenchRecord;
  const now = describeMachine();
  if (JSON.stringify(record.machine) !== JSON.stringify(now) || record.options.threads !== threads)
    throw new Error(`--resume: ${file} is of another machine, build or number of threads`);
  return record;
}

/** Runs the cases one after another. The machine's limits are measured before them and after them. */
async function runAll(options: BenchOptions, peers: Peers | undefined, workshop: Workshop): Promise<BenchRecord> {
  const { threads, repeats, workloads: lengths } = options;
  const earlier = earlierRecord(options.resume ? options.json : undefined, threads);
  const cases = selectCases(catalog(lengths), options).filter(
    ({ name }) => !earlier?.cases.some((done) => done.name === name),
  );
  const record: BenchRecord = {
    format: 1,
    started: earlier?.started ?? new Date().toISOString(),
    finished: '',
    machine: describeMachine(),
    options: { threads, repeats, lengths },
    whole: isWhole(options),
    peers: { ...earlier?.peers, ...peers?.versions },
    limits: [...(earlier?.limits ?? [])],
    cases: [...(earlier?.cases ?? [])],
  };
  const settings = { threads, repeats, workshop, peers };
  console.log(`${cases.length} cases; the machine's limits first`);
  record.limits.push(...(await measureLimits(settings)));
  const dtypes = dtypesOf(record.limits);
  for (const [i, benchCase] of cases.entries()) {
    const done = await runCase(benchCase, { ...settings, dtypes });
    record.cases.push(done);
    console.log(`${i + 1}/${cases.length}  ${progressLine(done)}`);
    if (options.json) keep(options.json, record);
  }
  record.limits.push(...(await measureLimits(settings)));
  record.finished = new Date().toISOString();
  return record;
}

function keep(file: string, record: BenchRecord): void {
  writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);
}

function finish(record: BenchRecord, options: BenchOptions): void {
  console.log(`\n${renderRecord(record, TERMINAL)}`);
  if (options.writeResults) {
    if (!record.whole || record.finished === '') throw new Error('--write-results: the record is not of a whole run');
    writeFileSync(
      RESULTS,
      `# Results\n\nWritten by \`npm run bench -- --full --peers --write-results\`.\n\n${renderRecord(record, MARKDOWN)}\n`,
    );
    console.log(`\nwritten: ${RESULTS}`);
  }
  if (record.cases.some(({ failed }) => failed)) process.exitCode = 1;
}

async function bench(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options.list) return selectCases(catalog(options.workloads), options).forEach(({ name }) => console.log(name));
  if (options.from) return finish(JSON.parse(readFileSync(options.from, 'utf8')) as BenchRecord, options);
  const peers = options.peers ? Peers.find(options.python) : undefined;
  for (const line of peers?.absences() ?? []) console.log(line);
  const workshop = await Workshop.open();
  const interrupted = () => void workshop.close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const record = await runAll(options, peers, workshop);
    if (options.json) keep(options.json, record);
    finish(record, options);
  } finally {
    await workshop.close();
  }
}

const args = process.argv.slice(2);
try {
  if (args[0] === 'regret') measureRegret(args.slice(1));
  else await bench(args);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
