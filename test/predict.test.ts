// dfmerge predict: where inputs come from and where answers go.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'ava';
import { readArguments } from '../lib/cli/arguments.js';
import { COMMANDS } from '../lib/cli/commands.js';
import { jsonInput } from '../lib/commands/predict.js';
import { evaluate, openModel } from '../lib/index.js';
import { MAIN, runCommand, type Finished } from './support/command.js';
import { sharedPath, sharedTest } from './support/shared.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

let space: Workspace;
test.before(async () => {
  space = await makeWorkspace();
});

const WORDS = ['predict', '--model', 'models/a', '--threads', '1'];

/** Starts `dfmerge predict` with standard input that can be written to. */
function start(args: readonly string[], cwd = space.dir): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [MAIN, ...WORDS, ...args], { cwd });
}

/** Runs `dfmerge predict` with a text on standard input. */
async function predict(args: readonly string[], input?: string | Buffer): Promise<Finished> {
  const child = start(args);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  child.stdin.on('error', () => undefined); // A command that refuses its words does not read.
  child.stdin.end(input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

interface Answer {
  input: string;
  choices?: string[];
  choice?: string;
  prediction?: number;
  probabilities?: number[];
  text?: string;
  label?: number;
}

const answersOf = (text: string): Answer[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);

const CHOICES = ['red', 'the cat', 'a'];
const LIST = ['--choices', CHOICES.join(', ')];

test('texts of the command line are answered by a table each, the likeliest choice first', async (t) => {
  await using model = await openModel(space.path('models', 'a'), { threads: 1 });
  const texts = ['what runs ?', '-5'];
  const answers = await model.classify(texts, CHOICES);
  const one = await predict([...LIST, 'what runs ?']);
  t.deepEqual([one.code, one.stderr], [0, '']);
  const lines = one.stdout.split('\n').slice(0, -1);
  t.is(lines.length, 3);
  t.is(new Set(lines.map((line) => line.length)).size, 1, 'the columns are aligned');
  t.regex(lines[0], new RegExp(`^ {2}${answers[0].choice} +${(100 * answers[0].probability).toFixed(1)} %$`));
  const two = await predict([...LIST, ...texts]);
  const blocks = two.stdout.split('\n\n');
  t.true(blocks[0].startsWith(`what runs ?\n  ${answers[0].choice} `));
  t.true(blocks[1].startsWith(`-5\n  ${answers[1].choice} `));
  t.is(blocks.length, 3);
});

test('a row of JSON for each: the input, its choices, and the answer of the library', async (t) => {
  await using model = await openModel(space.path('models', 'a'), { threads: 1 });
  const { stdout, code } = await predict(['--choice', 'red, blue', '--choice', 'a', '--json', 'what runs ?']);
  t.is(code, 0);
  const choices = ['red, blue', 'a'];
  const answer = await model.classify('what runs ?', choices);
  t.deepEqual(answersOf(stdout), [{ input: 'what runs ?', choices, ...answer }]);
});

test('without choices a text is generated, greedily or by beams', async (t) => {
  await using model = await openModel(space.path('models', 'a'), { threads: 1 });
  const texts = ['what runs ?', 'the cat'];
  const greedy = await model.generate(texts, { maxNewTokens: 7 });
  const { stdout } = await predict(['--max-new-tokens', '7', ...texts]);
  t.is(stdout, greedy.map(({ text }) => `${text}\n`).join(''));
  const beams = await model.generate(texts, { maxNewTokens: 7, numBeams: 3, lengthPenalty: 2, earlyStopping: true });
  const options = ['--max-new-tokens', '7', '--num-beams', '3', '--length-penalty', '2', '--early-stopping'];
  t.deepEqual(
    answersOf((await predict([...options, '--json', ...texts])).stdout),
    beams.map((answer, i) => ({ input: texts[i], ...answer })),
  );
});

test('every line of standard input is a text, in order, with or without -', async (t) => {
  const lines = Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? '' : `the ${'cat '.repeat(i % 11)}`));
  for (const args of [['-'], []]) {
    const { stdout, stderr, code } = await predict([...LIST, '--json', ...args], `${lines.join('\r\n')}\n`);
    t.deepEqual([code, stderr], [0, '']);
    t.deepEqual(
      answersOf(stdout).map(({ input }) => input),
      lines,
    );
  }
});

test('JSON lines have choices of their own or those of all, and their other keys go along', async (t) => {
  const rows = [
    { id: 7, input: 'what runs ?', choices: ['dog', 'a cat'], label: 1 },
    { input: 'the cat', note: { deep: [1, null] } },
  ];
  const input = `${rows.map((row) => JSON.stringify(row)).join('\n\n')}\n\n`;
  const { stdout, code } = await predict(['--jsonl', '--json', ...LIST], input);
  t.is(code, 0);
  const answers = answersOf(stdout);
  t.like(answers[0], rows[0]);
  t.like(answers[1], { ...rows[1], choices: CHOICES });
  const mixed = answersOf((await predict(['--jsonl', '--json', '--max-new-tokens', '3'], input)).stdout);
  t.is(typeof mixed[0].choice, 'string');
  t.is(typeof mixed[1].text, 'string');
});

test('a file of rows gives the predictions of evaluate, to a file that appears whole', async (t) => {
  const { results } = await evaluate({
    model: space.path('models/a'),
    data: space.path('data/a'),
    split: 'test',
    threads: 1,
  });
  const args = ['--input', 'data/a/test.jsonl', '--out', 'answers.jsonl'];
  const { stdout, stderr, code } = await predict(args);
  t.deepEqual([code, stderr, stdout], [0, '', `Written: answers.jsonl, ${results.length} answers\n`]);
  const written = await readFile(space.path('answers.jsonl'), 'utf8');
  t.deepEqual(
    answersOf(written).map(({ prediction, label }) => ({ prediction, label })),
    results.map(({ prediction, label }) => ({ prediction, label })),
  );
  const again = await predict(args);
  t.is(again.code, 1);
  t.regex(again.stderr, /answers\.jsonl exists already/);
  const json = await predict([...args, '--overwrite', '--json']);
  t.like(JSON.parse(json.stdout), { command: 'predict', out: 'answers.jsonl', inputs: results.length, truncated: 0 });
  t.is(await readFile(space.path('answers.jsonl'), 'utf8'), written);
  const onto = await predict(['--input', 'data/a/test.jsonl', '--out', 'data/a/test.jsonl', '--overwrite']);
  t.is(onto.code, 2);
  t.regex(onto.stderr, /it is the input/);
});

test('what is wrong with a line of JSON is told with its place', (t) => {
  const cases: Record<string, RegExp> = {
    no: /^in:2: not JSON/,
    '[]': /^in:2: expected an object .*without --jsonl every line is a text$/,
    '{"text":"b"}': /^in:2: "input" is missing or not a string$/,
    '{"input":"b","choices":[]}': /^in:2: "choices" is an array; expected a list of at least one string$/,
    '{"input":"b","choices":"x"}': /^in:2: "choices" is "x"/,
    '{"input":"b","choices":["x",""]}': /^in:2: choice 1 is not a string with text$/,
    '{"input":"b","nll":1}': /^in:2: the key "nll" is one of the answer/,
    '{"input":"b","text":1}': /^in:2: the key "text" is one of the answer/,
  };
  for (const [text, message] of Object.entries(cases))
    t.throws(() => jsonInput({ number: 2, text }, 'in'), { code: 'INVALID_DATA', message }, text);
  t.is(jsonInput({ number: 1, text: ' \t' }, 'in'), undefined);
});

test('a line that is wrong ends the work after the answers before it, and no file is half written', async (t) => {
  const input = '{"input":"a"}\n{"input":"b","nll":1}\n{"input":"c"}\n';
  const { code, stdout, stderr } = await predict([...LIST, '--json', '--jsonl'], input);
  t.is(code, 1, stderr);
  t.deepEqual(
    answersOf(stdout).map((answer) => answer.input),
    ['a'],
  );
  t.like(JSON.parse(stderr), { error: { code: 'INVALID_DATA' } });
  const { code: failed } = await predict([...LIST, '--out', 'half.txt'], Buffer.from([0x61, 0x0a, 0xff, 0x0a]));
  t.is(failed, 1);
  t.false(existsSync(space.path('half.txt')));
});

test('inputs that are cut are told of once, with their number', async (t) => {
  const long = 'the cat runs '.repeat(200);
  const input = Array.from({ length: 200 }, (_, i) => (i % 50 === 0 ? long : 'a cat')).join('\n');
  const { stderr, stdout } = await predict([...LIST, '--json'], input);
  t.is(stderr, 'warning: 4 of 200 inputs were longer than 512 token ids, and the rest of each was left out\n');
  t.is(answersOf(stdout).length, 200);
  const few = await predict([...LIST, '--max-input', '3', 'a cat runs']);
  t.regex(few.stderr, /^warning: the input was longer than 3 token ids/);
});

test('wrong usage is told before anything is read', async (t) => {
  const cases: [args: string[], message: RegExp][] = [
    [['--choices', 'a', 'x'], /a is the only choice; give several as --choices A,B or --choice A --choice B/],
    [['--choices', 'a,,b', 'x'], /--choices a,,b: a choice is empty/],
    [['x', '--input', 'f'], /texts and --input are given/],
    [['x', '-'], /- stands alone/],
    [['--input', 'f', '-'], /texts and --input are given/],
    [['--jsonl', 'x'], /--jsonl is about lines/],
    [[...LIST, '--num-beams', '2', 'x'], /--num-beams is about generated texts/],
    [[...LIST, '--early-stopping', 'x'], /--early-stopping is about generated texts/],
    [[''], /predict needs text: dfmerge predict TEXT/],
    [['--max-new-tokens', '0', 'x'], /--max-new-tokens 0: expected a whole number/],
    [['--num-beams', '2.5', 'x'], /--num-beams 2\.5: expected/],
    [['--model', 'm', 'x'], /--model is given twice/],
    [['--nonsense', 'x'], /predict has no option --nonsense/],
  ];
  for (const [args, message] of cases)
    t.throws(() => readArguments([...WORDS, ...args], COMMANDS), { code: 'INVALID_ARGUMENT', message }, args.join(' '));
  t.throws(() => readArguments(['predict', 'x'], COMMANDS), { message: /predict needs --model DIR/ });
  const missing = await predict(['--input', 'none.txt', ...LIST]);
  t.deepEqual([missing.code, missing.stderr], [1, 'dfmerge: cannot read none.txt: no such file or folder\n']);
  t.regex((await predict(LIST)).stderr, /^warning: there was nothing to predict/);
});

test('texts are taken as they stand, wherever they are among the options', (t) => {
  const textsOf = (...args: string[]) => {
    const request = readArguments(args, COMMANDS);
    return request.ask === 'run' ? { text: request.args.text, choice: request.args.choice } : undefined;
  };
  t.deepEqual(textsOf('predict', 'a', '--choice', 'x,y', 'b', '--model', 'm', '-5', '--choice=-z', '--', '--json'), {
    text: ['a', 'b', '-5', '--json'],
    choice: ['x,y', '-z'],
  });
  t.deepEqual(textsOf('--model', 'm', 'predict', '--json', '0x10', ' '), { text: ['0x10', ' '], choice: undefined });
  t.deepEqual(textsOf('predict', '--model', '-', '-'), { text: ['-'], choice: undefined });
  t.deepEqual(textsOf('predict', '--model', 'm'), { text: [], choice: undefined });
});

test('a model without a tokenizer is refused', async (t) => {
  const bare = await makeWorkspace();
  await rm(bare.path('models', 'a', 'tokenizer.json'));
  const { code, stderr } = await runCommand(['predict', '--model', bare.path('models', 'a'), ...LIST, 'x']);
  t.is(code, 1);
  t.regex(stderr, /no tokenizer\.json/);
});

test('an answer appears while later lines have not come yet', async (t) => {
  const child = start([...LIST, '--json']);
  const lines = createInterface({ input: child.stdout });
  const inputs = ['what runs ?', 'the cat', 'a dog'];
  const seen: string[] = [];
  for (const input of inputs) {
    child.stdin.write(`${input}\n`);
    const [line] = (await once(lines, 'line')) as [string];
    seen.push((JSON.parse(line) as Answer).input);
  }
  child.stdin.end();
  t.deepEqual((await once(child, 'close'))[0], 0);
  t.deepEqual(seen, inputs);
});

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  test(`${signal} ends the waiting for input with ${expected}, and leaves no output behind`, async (t) => {
    const child = start([...LIST, '--json']);
    let stderr = '';
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.stdin.write('what runs ?\n');
    await once(child.stdout, 'data');
    child.kill(signal);
    t.is((await once(child, 'close'))[0], expected, stderr);
    t.like(JSON.parse(stderr), { error: { code: 'INTERRUPTED' } });
    const { dir } = await makeWorkspace();
    const writing = start([...LIST, '--out', `${signal}.txt`], dir);
    writing.stdin.write('what runs ?\n'.repeat(500));
    writing.stderr.resume();
    // The output is begun beside its place when the first answers are there.
    while (!readdirSync(dir).some((name) => name.startsWith(`.${signal}`)))
      await new Promise((resolve) => setTimeout(resolve, 20));
    writing.kill(signal);
    t.is((await once(writing, 'close'))[0], expected);
    t.deepEqual(
      readdirSync(dir).filter((name) => name.includes(signal)),
      [],
    );
  });

test('a reader that goes away ends the work quietly, although input would come without end', async (t) => {
  const script = `yes 'what runs ?' | "$1" "$2" ${WORDS.join(' ')} --choices red,a --json | head -n 2; echo "\${PIPESTATUS[1]}"`;
  const child = spawn('bash', ['-c', script, 'bash', process.execPath, MAIN], {
    cwd: space.dir,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  await once(child, 'close');
  const lines = stdout.trim().split('\n');
  t.is(lines.length, 3);
  t.deepEqual([lines[2], stderr], ['0', '']);
});

sharedTest(test)('the rows of a suite: the accuracy and the predictions of evaluate', async (t) => {
  const [model, data] = [sharedPath('models', 'mini', 'trec'), sharedPath('data', 'suite', 'trec')];
  const { accuracy, results } = await evaluate({ model, data, split: 'test', threads: 2 });
  const { stdout, code } = await runCommand(['predict', '--model', model, '--input', `${data}/test.jsonl`, '--json']);
  t.is(code, 0);
  const answers = answersOf(stdout);
  t.deepEqual(
    answers.map(({ prediction }) => prediction),
    results.map(({ prediction }) => prediction),
  );
  t.is(answers.filter(({ prediction, label }) => prediction === label).length / answers.length, accuracy);
});

sharedTest(test)('a fine-tuned model writes the answers of its task', async (t) => {
  const model = await openModel(sharedPath('models', 'mini', 'trec'), { threads: 2 });
  const rows = (await readFile(sharedPath('data', 'suite', 'trec', 'test.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { input: string; choices: string[]; label: number });
  const texts = await model.generate(
    rows.map(({ input }) => input),
    { maxNewTokens: 8 },
  );
  const answers = texts.filter(({ text }, i) => rows[i].choices.includes(text)).length;
  const right = texts.filter(({ text }, i) => text === rows[i].choices[rows[i].label]).length;
  t.log(`${answers} of ${rows.length} texts are choices, ${right} are the right ones`);
  t.true(answers / rows.length > 0.95);
  await model.close();
});
