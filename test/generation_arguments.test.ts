// Every wrong option of a generation at the native boundary is an error that names it.
import test from 'ava';
import { packRows } from '../lib/engine/batch.js';
import { GENERATION, newEngine } from './support/big_engine.js';
import { V1_0 } from './support/random_t5.js';

const I32 = (...values: number[]) => Int32Array.of(...values);
const rows = { inputIds: [I32(3, 4, 5, 6), I32(7, 8)], choices: [[], []], labels: I32(-1, -1) };
const batch = packRows(rows, [0, 1]);

const GENERATIONS: [string, unknown, RegExp][] = [
  ['no options', undefined, /options: expected an object/],
  ['no tokens at all', { ...GENERATION, maxNewTokens: 0 }, /maxNewTokens is 0: expected 1 to 65536/],
  ['tokens without end', { ...GENERATION, maxNewTokens: Infinity }, /maxNewTokens: expected a finite number/],
  ['too many tokens', { ...GENERATION, maxNewTokens: 2 ** 40 }, /maxNewTokens is 1099511627776/],
  ['half a token', { ...GENERATION, maxNewTokens: 1.5 }, /maxNewTokens: expected an integer/],
  ['no beam', { ...GENERATION, numBeams: 0 }, /numBeams is 0: expected 1 to 1024/],
  ['too many beams', { ...GENERATION, numBeams: 1025 }, /numBeams is 1025/],
  [
    'more beams than the vocabulary has tokens for',
    { ...GENERATION, numBeams: 9 },
    /numBeams is 9: a vocabulary of 17/,
  ],
  ['a penalty of NaN', { ...GENERATION, lengthPenalty: NaN }, /lengthPenalty: expected a finite number/],
  ['a penalty that overflows', { ...GENERATION, lengthPenalty: 1e3 }, /lengthPenalty is 1000: .* 3\^lengthPenalty/],
  ['a penalty that underflows', { ...GENERATION, lengthPenalty: -1e3 }, /lengthPenalty is -1000/],
  ['early stopping as a word', { ...GENERATION, earlyStopping: 'never' }, /earlyStopping: expected true or false/],
  ['end tokens as a plain array', { ...GENERATION, endTokens: [1] }, /endTokens: expected a Int32Array/],
  ['an end token past the vocabulary', { ...GENERATION, endTokens: I32(1, 17) }, /endTokens: token id 17/],
  ['a negative end token', { ...GENERATION, endTokens: I32(-1) }, /endTokens: token id -1/],
  ['a start token past the vocabulary', { ...GENERATION, startToken: 17 }, /startToken: token id 17/],
  ['a start token below all', { ...GENERATION, startToken: -2 }, /startToken: token id -2/],
];

test('generate refuses broken options, each with its reason, and works afterwards', async (t) => {
  const engine = newEngine(V1_0);
  await engine.initialize(1);
  for (const [title, broken, message] of GENERATIONS)
    await t.throwsAsync(
      async () => engine.generate(batch, broken as never),
      { code: 'INVALID_ARGUMENT', message },
      title,
    );
  const { offsets, scores } = await engine.generate(batch, GENERATION);
  t.deepEqual([offsets.length, scores.length], [3, 2]);
  const none = packRows({ inputIds: [], choices: [], labels: I32() }, []);
  t.deepEqual(await engine.generate(none, GENERATION), { ids: I32(), offsets: I32(0), scores: new Float64Array(0) });
  engine.close();
});
