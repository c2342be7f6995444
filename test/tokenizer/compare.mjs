// Compares the ids of features.py, which come on standard input, with those of the built package, and prints what differs.
import { readFileSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTokenizer } from '../../dist/lib/tasks/text/tokenizer.js';

const [{ texts, model }, ...features] = readFileSync(0, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const dir = mkdtempSync(join(tmpdir(), 'dfmerge-features-'));
let differences = 0;
let compared = 0;
for (const { name, tokenizer, ids } of features) {
  writeFileSync(join(dir, 'tokenizer.json'), JSON.stringify({ model, ...tokenizer }));
  writeFileSync(join(dir, 'config.json'), JSON.stringify({ eos_token_id: 1 }));
  let ours;
  try {
    ours = await loadTokenizer(dir);
  } catch (error) {
    console.log(`${ids === null ? 'both refuse' : 'REFUSED'}: ${name}: ${error.message.slice(dir.length + 17)}`);
    continue;
  }
  if (ids === null) {
    console.log(`OPENED, and Rust refuses: ${name}`);
    differences++;
    continue;
  }
  const wrong = texts.flatMap((text, i) => {
    if (ids[i] === false) return [];
    compared++;
    let got = null;
    try {
      got = ours.encode(text);
    } catch {
      // An unknown word, for which Rust has no ids either.
    }
    return JSON.stringify(got) === JSON.stringify(ids[i]) ? [] : [{ text, got, expected: ids[i] }];
  });
  if (wrong.length === 0) continue;
  differences++;
  console.log(`DIFFERENT: ${name}: ${wrong.length} of ${texts.length}`);
  for (const { text, got, expected } of wrong.sort((a, b) => a.text.length - b.text.length).slice(0, 4))
    console.log(`  ${JSON.stringify(text)} ${escape(text)}\n    ours ${got}\n    rust ${expected}`);
}
console.log(`${features.length} features, ${compared} texts compared, ${differences} features different`);
process.exitCode = differences > 0 ? 1 : 0;
