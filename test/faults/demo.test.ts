// A demo killed right before a step that changes the file system. The next one ends as if nothing had been, and removes nothing that is not a demo's.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { temporaryFolder } from '../support/tiny_t5.js';
import { contents, run, spread, stepsOf } from './harm.js';

const program = fileURLToPath(new URL('tiny_demo.js', import.meta.url));
const OWN = ['mine.txt', 'demo/mine.txt', 'demo/models/mine.txt', 'demo/data/mood/mine.txt'];

/** A folder, with a demo and files of the user's own in it where there was one before. */
async function prepared(older: boolean): Promise<string> {
  const cwd = await temporaryFolder();
  if (older) {
    const { code, stderr } = await run(['demo'], { cwd, program });
    if (code !== 0) throw new Error(stderr);
  }
  for (const name of older ? OWN : OWN.slice(0, 1)) writeFileSync(join(cwd, name), name);
  return cwd;
}

for (const older of [false, true]) {
  test(`a demo${older ? ' over an older one' : ''} killed before any step: the next ends as if nothing had been`, async (t) => {
    const whole = await prepared(older);
    const mine = contents(whole);
    const steps = await stepsOf(['demo'], { cwd: whole, program });
    const expected = contents(whole);
    for (const name of older ? OWN : OWN.slice(0, 1)) t.is(expected[name], mine[name], name);
    let killed = 0;
    for (const at of spread(steps.length, older ? 2 : 4)) {
      const cwd = await prepared(older);
      const hurt = await run(['demo'], { cwd, program, fault: { at, signal: 'SIGKILL' } });
      if (hurt.signal === 'SIGKILL') killed++;
      const again = await run(['demo'], { cwd, program });
      const where = `step ${at} of ${steps.length} (${steps[at - 1]?.replaceAll(whole, '')})`;
      t.is(again.code, 0, `${where}: ${again.stderr}`);
      t.deepEqual(contents(cwd), expected, where);
    }
    t.true(killed > 0);
    t.log(`${killed} kills, ${steps.length} steps`);
  });
}
