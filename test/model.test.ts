// An open model: what it answers, how its calls wait for each other, and that it keeps nothing.
import { getEventListeners } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import { DfMergeError, evaluate, openModel, type Model, type OpenModelOptions } from '../lib/index.js';
import { loadSplit } from '../lib/tasks/rows.js';
import { makeWorkspace, type Workspace } from './support/workspace.js';

let workspace: Workspace;
test.before(async () => {
  workspace = await makeWorkspace();
});

const CHOICES = ['red', 'green cat', 'the'];
const opened = (options: OpenModelOptions = {}) => openModel(workspace.path('models', 'a'), { threads: 1, ...options });

async function failure(promise: Promise<unknown>): Promise<{ code?: string; message: string }> {
  return promise.then(
    () => ({ message: 'nothing was thrown' }),
    (error: unknown) => error as DfMergeError,
  );
}

test('it answers every row as evaluate does, to the bit', async (t) => {
  const [model, data] = [workspace.path('models', 'a'), workspace.path('data', 'a')];
  const { results } = await evaluate({ model, data, split: 'test', threads: 1 });
  const { rows } = await loadSplit(data, 'test');
  await using open = await opened();
  const answers = await open.classify(rows);
  t.true(new Set(answers.map(({ prediction }) => prediction)).size > 1);
  t.deepEqual(
    answers.map(({ nll, tokens, prediction }) => ({ nll, tokens, prediction })),
    results.map(({ nll, tokens, prediction }) => ({ nll, tokens, prediction })),
  );
  t.deepEqual(
    answers.map(({ choice }) => choice),
    rows.map(({ choices }, i) => choices[results[i].prediction]),
  );
});

test('probabilities are the softmax of the log-likelihood per token, and the choice is the likeliest', async (t) => {
  await using model = await opened();
  const { nll, tokens, probabilities, probability, prediction, choice, truncated } = await model.classify(
    'what colour is the bird ?',
    CHOICES,
  );
  t.deepEqual(tokens, [2, 3, 2]);
  const weights = nll.map((sum, c) => Math.exp(-sum / tokens[c]));
  const total = weights.reduce((a, b) => a + b);
  for (const [c, weight] of weights.entries()) t.true(Math.abs(probabilities[c] - weight / total) < 1e-12);
  t.is(probability, Math.max(...probabilities));
  t.is(probability, probabilities[prediction]);
  t.is(choice, CHOICES[prediction]);
  t.false(truncated);
});

test('one text, one question and lists of them are asked alike', async (t) => {
  await using model = await opened();
  const [first, second] = ['the cat sleeps', 'what runs'];
  const one = await model.classify(first, CHOICES);
  t.deepEqual(await model.classify({ input: first, choices: CHOICES }), one);
  const list = await model.classify([first, second], CHOICES);
  t.is(list.length, 2);
  t.deepEqual(
    list.map(({ choice }) => choice),
    [one.choice, (await model.classify(second, CHOICES)).choice],
  );
  t.deepEqual(await model.classify([first, second].map((input) => ({ input, choices: CHOICES }))), list);
  const { nll, tokens, truncated } = one;
  t.deepEqual(await model.score(first, CHOICES), { nll, tokens, truncated });
  t.deepEqual((await model.score([first], CHOICES))[0], { nll, tokens, truncated });
  t.deepEqual(await model.classify([], CHOICES), []);
  t.deepEqual(await model.score([]), []);
});

test('wrong arguments are named, and nothing is worked on', async (t) => {
  await using model = await opened();
  const loose = model as unknown as Record<'classify' | 'score', (...args: unknown[]) => Promise<unknown>>;
  const cases: [unknown[], RegExp][] = [
    [[], /^classify: input is undefined; expected a text, or an object \{input, choices\}$/],
    [[7, ['a']], /^classify: input is 7; /],
    [[['red', null], ['a']], /^classify: inputs\[1\] is null; /],
    [['red'], /^classify: choices is undefined; expected a list of texts$/],
    [['red', 'blue'], /^classify: choices is "blue"; expected a list of texts$/],
    [['red', []], /^classify: choices is an empty list; /],
    [['red', ['a', '']], /^classify: choices\[1\] is ""; /],
    [[{ input: 'red' }], /^classify: input\.choices is undefined; /],
    [[[{ input: 3, choices: ['a'] }]], /^classify: inputs\[0\]\.input is 3; expected a text$/],
    [
      [{ input: 'red', choices: ['a'] }, ['b']],
      /^classify: input has choices of its own, and choices are given beside/,
    ],
    [['red', ['a'], { sginal: 1 }], /^classify: unknown option sginal; did you mean signal\?$/],
    [['red', ['a'], { signal: 1 }], /^classify: signal is 1; expected an AbortSignal$/],
  ];
  for (const [args, message] of cases) {
    const { code, message: said } = await failure(loose.classify(...args));
    t.is(code, 'INVALID_ARGUMENT', said);
    t.regex(said, message);
    t.regex((await failure(loose.score(...args))).message, /^score: /);
  }
  const open = openModel as unknown as (...args: unknown[]) => Promise<Model>;
  t.like(await failure(open()), {
    code: 'INVALID_ARGUMENT',
    message: 'openModel: dir is undefined; expected a path',
  });
  t.regex(
    (await failure(open('m', { thread: 1 }))).message,
    /^openModel: unknown option thread; did you mean threads\?/,
  );
  t.regex((await failure(open('m', { maxInputTokens: 1 }))).message, /^openModel: maxInputTokens is 1; /);
  t.is((await failure(open('m', { computeDtype: 'float16' }))).code, 'INVALID_ARGUMENT');
  t.is((await failure(open(workspace.path('none')))).code, 'NOT_FOUND');
  t.is(await failure(open('m', { signal: AbortSignal.abort('no') })), 'no' as never);
});

test('a folder without a tokenizer is refused by name', async (t) => {
  const { path } = await makeWorkspace();
  await rm(path('models', 'a', 'tokenizer.json'));
  const { code, message } = await failure(openModel(path('models', 'a'), { threads: 1 }));
  t.is(code, 'NOT_FOUND');
  t.true(message.includes(path('models', 'a')) && message.includes('no tokenizer.json'), message);
});

test('calls that are made together are worked on one after another, in their order', async (t) => {
  await using model = await opened();
  const alone = await model.classify('the cat sleeps', CHOICES);
  const ended: number[] = [];
  const calls = Array.from({ length: 20 }, async (_, i) => {
    const answer = await (i % 2 === 0 ? model.classify('the cat sleeps', CHOICES) : model.score(['a'], ['b']));
    ended.push(i);
    return answer;
  });
  const answers = await Promise.all(calls);
  t.deepEqual(ended, [...calls.keys()]);
  for (let i = 0; i < 20; i += 2) t.deepEqual(answers[i], alone as never);
});

test('a call that waits leaves the queue when its signal fires, and one that runs ends', async (t) => {
  await using model = await opened();
  const before = await model.classify('what runs', CHOICES);
  const many = Array.from({ length: 400 }, () => 'the cat sleeps '.repeat(40));
  const [running, waiting] = [new AbortController(), new AbortController()];
  let batches = 0;
  const onProgress = () => {
    // The first batch is worked on from the next turn of the event loop on.
    if (batches++ === 0) void setImmediate().then(() => running.abort(new Error('enough')));
  };
  const long = failure(model.classify(many, CHOICES, { signal: running.signal, onProgress }));
  const gone = failure(model.classify('what runs', CHOICES, { signal: waiting.signal }));
  const after = model.classify('what runs', CHOICES);
  waiting.abort(new Error('left'));
  t.is((await gone).message, 'left');
  t.is(batches, 0, 'the call that waited has not waited for the one before it');
  t.is((await long).message, 'enough');
  t.deepEqual(await after, before);
  t.is((await failure(model.classify('x', CHOICES, { signal: AbortSignal.abort(new Error('no')) }))).message, 'no');
});

test('hundreds of calls leave neither native memory nor listeners behind', async (t) => {
  await using model = await opened();
  const controller = new AbortController();
  const { signal } = controller;
  await model.classify(['the cat sleeps', 'what runs'], CHOICES, { signal });
  const bytes = model.nativeBytes;
  t.true(bytes > 0);
  for (let i = 0; i < 300; i++) {
    const call =
      i % 3 === 0
        ? model.score('what runs', CHOICES, { signal })
        : model.classify(['the cat', 'a'], CHOICES, { signal });
    if (i % 10 === 0) {
      const leaving = new AbortController();
      const left = failure(model.score('what runs', CHOICES, { signal: leaving.signal }));
      leaving.abort();
      t.is(getEventListeners(leaving.signal, 'abort').length, 0);
      await left;
    }
    await call;
  }
  t.is(model.nativeBytes, bytes);
  t.is(getEventListeners(signal, 'abort').length, 0);
});

test('close lets earlier calls finish, frees the memory and may be called again; later calls are refused', async (t) => {
  const model = await opened();
  const expected = await model.classify('what runs', CHOICES);
  const earlier = [model.classify('what runs', CHOICES), model.classify('what runs', CHOICES)];
  const closed = model.close();
  const late = await failure(model.classify('what runs', CHOICES));
  t.is(late.code, 'CLOSED');
  t.true(late.message.includes(workspace.path('models', 'a')));
  t.deepEqual(await Promise.all(earlier), [expected, expected]);
  await closed;
  t.is(model.nativeBytes, 0);
  await model.close();
  t.is((await failure(model.score('a', ['b']))).code, 'CLOSED');
  t.is(model.dir, workspace.path('models', 'a'));
});

test('a model that goes out of an `await using` block is closed', async (t) => {
  let outside: Model;
  {
    await using model = await opened();
    outside = model;
    t.true(model.nativeBytes > 0);
  }
  t.is(outside.nativeBytes, 0);
  t.is((await failure(outside.score('a', ['b']))).code, 'CLOSED');
});

test('inputs that are too long are cut, marked, and told of once with their number', async (t) => {
  await using model = await opened({ maxInputTokens: 5 });
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  // Four words and </s> just fit.
  const texts = ['a cat runs', 'a cat runs ?', 'a cat runs ? what', 'a cat runs ? a dog sleeps ?'];
  const answers = await model.classify(texts, CHOICES, { onWarning });
  t.deepEqual(
    answers.map(({ truncated }) => truncated),
    [false, false, true, true],
  );
  t.deepEqual(answers[2].nll, answers[3].nll);
  t.deepEqual(warnings, ['2 of 4 inputs were longer than 5 token ids, and the rest of each was left out']);
  await model.score(texts[3], CHOICES, { onWarning });
  t.deepEqual(warnings.slice(1), ['the input was longer than 5 token ids, and the rest of it was left out']);
  t.true((await model.score(texts[3], CHOICES)).truncated);
});

test('choices that are the same to the tokenizer are told of', async (t) => {
  await using model = await opened();
  const warnings: string[] = [];
  const { probabilities, prediction } = await model.classify('what runs', ['unheard', 'unseen'], {
    onWarning: (message) => warnings.push(message),
  });
  t.is(probabilities[0], probabilities[1]);
  t.is(prediction, 0);
  t.deepEqual(warnings, ['the input has choices of the same token ids, which no model can tell apart']);
});

test('a text is generated after one input or each of a list, alike whatever stands beside it', async (t) => {
  await using model = await opened();
  const texts = ['the cat sleeps', 'what runs', 'a bird sings ? what is the colour'];
  for (const options of [{ maxNewTokens: 6 }, { maxNewTokens: 6, numBeams: 4, lengthPenalty: 1 }]) {
    const together = await model.generate(texts, options);
    for (const [i, text] of texts.entries()) t.deepEqual(await model.generate(text, options), together[i]);
    for (const { ids, text, score, finished, truncated } of together) {
      t.true(ids.length >= 1 && ids.length <= 6);
      t.is(finished, ids.at(-1) === 1);
      t.true(finished || ids.length === 6);
      t.is(text.split(' ').filter(Boolean).length, ids.filter((id) => id > 2).length);
      t.true(score < 0);
      t.false(truncated);
    }
  }
  t.deepEqual(await model.generate([]), []);
  t.is((await model.generate('the cat', { maxNewTokens: 1 })).ids.length, 1);
  t.true((await model.generate('the cat')).ids.length <= 64);
});

test('wrong arguments of generate are named', async (t) => {
  await using model = await opened();
  const generate = model.generate.bind(model) as unknown as (...args: unknown[]) => Promise<unknown>;
  const cases: [unknown[], RegExp][] = [
    [[], /^generate: input is undefined; expected a text$/],
    [[['a', 1]], /^generate: inputs\[1\] is 1; expected a text$/],
    [['a', { maxNewTokens: 0 }], /^generate: maxNewTokens is 0; expected a whole number/],
    [['a', { numBeams: 1.5 }], /^generate: numBeams is 1\.5; /],
    [['a', { lengthPenalty: Infinity }], /^generate: lengthPenalty is Infinity; /],
    [['a', { earlyStopping: 'never' }], /^generate: earlyStopping is "never"; /],
    [['a', { numBeam: 4 }], /^generate: unknown option numBeam; did you mean numBeams\?$/],
  ];
  for (const [args, message] of cases) {
    const { code, message: said } = await failure(generate(...args));
    t.is(code, 'INVALID_ARGUMENT', said);
    t.regex(said, message);
  }
});

test('a generation ends when its signal fires, and the model goes on', async (t) => {
  await using model = await opened();
  const before = await model.generate('the cat sleeps', { maxNewTokens: 5, numBeams: 2 });
  const bytes = model.nativeBytes;
  const controller = new AbortController();
  const texts = Array.from({ length: 300 }, () => 'the cat sleeps '.repeat(20));
  let events = 0;
  const onProgress = () => {
    if (events++ === 0) void setImmediate().then(() => controller.abort(new Error('enough')));
  };
  const long = failure(
    model.generate(texts, { maxNewTokens: 2000, numBeams: 4, signal: controller.signal, onProgress }),
  );
  const after = model.generate('the cat sleeps', { maxNewTokens: 5, numBeams: 2 });
  t.is((await long).message, 'enough');
  t.deepEqual(await after, before);
  for (let i = 0; i < 50; i++) await model.generate('the cat sleeps', { maxNewTokens: 5, numBeams: 2 });
  t.true(model.nativeBytes >= bytes);
  const level = model.nativeBytes;
  for (let i = 0; i < 50; i++) await model.generate('the cat sleeps', { maxNewTokens: 5, numBeams: 2 });
  t.is(model.nativeBytes, level);
});

test('a decoder that is not known is told where a text is generated, and classifies all the same', async (t) => {
  const { path } = await makeWorkspace();
  const file = path('models', 'a', 'tokenizer.json');
  const json = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...json, decoder: { type: 'Morse' } }));
  await using model = await openModel(path('models', 'a'), { threads: 1 });
  t.is((await model.classify('what runs', CHOICES)).probabilities.length, 3);
  const { code, message } = await failure(model.generate('what runs', { maxNewTokens: 2 }));
  t.is(code, 'INVALID_CONFIG');
  t.regex(message, /tokenizer\.json: decoder\.type "Morse" is not supported$/);
});
