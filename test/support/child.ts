// A program for tests that need a process of their own, started as `node child.js MODE FOLDER...`.
import { createHash } from 'node:crypto';
import { truncateSync } from 'node:fs';
import { copyFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testing } from '../../bindings/testing/index.js';
import { packRows } from '../../lib/engine/batch.js';
import { Session } from '../../lib/engine/session.js';
import { bitsOf } from './machines.js';
import { openT5, randomRows, randomWeights, V1_0, writeT5 } from './random_t5.js';
import { BIG, bigBatch, bigEngine, newEngine } from './big_engine.js';
import { measure, mergeByHand } from './passes.js';

const MODES: Record<string, (folders: string[]) => Promise<void>> = {
  /** Prints what the engine makes of a base and its children: NLLs, and a digest of the Fishers and the merge. */
  async fingerprint([base, ...children]) {
    const model = await Session.open(base, children, { threads: 2 });
    const rows = randomRows(V1_0, [
      [9, [3, 1]],
      [30, [2, 20]],
    ]);
    const hash = createHash('sha256');
    await mergeByHand(
      model,
      children.map(() => 0.7),
      async (i) => {
        await model.interpolate(i, 0.7);
        await measure(model, { rows, indices: [0, 1] }, { mode: 'exact' });
        for (const { name } of model.parameters) hash.update(bitsOf(model.engine.parameter('fisher', name)));
      },
    );
    for (const { name } of model.parameters) hash.update(bitsOf(model.engine.parameter('parameters', name)));
    const nll = await model.job((engine) => engine.score(packRows(rows, [0, 1])));
    console.log(JSON.stringify({ nll: [...nll], digest: hash.digest('hex') }));
  },

  /** Opens a session on several threads, and prints how many it has, what it warns of, and scores. */
  async threads([threads]) {
    const warnings: string[] = [];
    const model = await openT5(V1_0, [randomWeights(V1_0, 3)], {
      threads: Number(threads),
      onWarning: (message) => warnings.push(message),
    });
    await model.load(0);
    const nll = await model.job((engine) => engine.score(packRows(randomRows(V1_0, [[7, [3, 2]]]), [0])));
    console.log(JSON.stringify({ threads: model.threads, warnings, nll: [...nll] }));
  },

  /** Cuts a checkpoint short at many moments of a pass over it, and prints the errors. */
  async truncate() {
    const base = await writeT5(BIG, randomWeights(BIG, 1));
    const file = join(base, 'model.safetensors');
    const { size } = await stat(file);
    const errors: string[] = [];
    for (let round = 0; round < 30; round++) {
      await copyFile(file, `${file}.kept`);
      const session = await Session.open(base, [], { threads: 2 });
      const loading = session.load(0).catch((error: Error & { code: string }) => {
        errors.push(`${error.code} ${error.message}`);
      });
      for (let spin = 0; spin < round * 20_000; spin++); // The pass goes on meanwhile.
      truncateSync(file, Math.floor((size * round) / 30));
      await loading;
      session.close();
      await rename(`${file}.kept`, file);
    }
    console.log(JSON.stringify({ errors }));
  },

  /** Meets SIGBUS after a model was opened: by touching a mapping of somebody else's, or sent by a process. */
  async bus([kind]) {
    const base = await writeT5(V1_0, randomWeights(V1_0, 1));
    const file = join(base, 'model.safetensors');
    await Session.open(base, []);
    if (kind === 'signal') process.kill(process.pid, 'SIGBUS');
    else testing().faults.readForeign(file, () => truncateSync(file, 0));
    await sleep(1000);
  },

  /** Scores batch after batch without end. */
  async forever() {
    const engine = await bigEngine();
    for (;;) {
      const scores = engine.score(bigBatch(10));
      console.log('scoring');
      await scores;
    }
  },

  /** Ends the process while a job runs. */
  async exit() {
    const engine = await bigEngine();
    void engine.score(bigBatch(300));
    await sleep(50);
    process.exit(0);
  },

  /** Drops engines without close(), big ones if asked to, and prints how many V8 has collected of its own accord. */
  async pressure([size]) {
    let collected = 0;
    const registry = new FinalizationRegistry(() => collected++);
    for (let i = 0; i < 20; i++) {
      registry.register(newEngine(size === 'big' ? { ...BIG, vocab_size: 100_000 } : V1_0), i);
      await sleep(2);
    }
    console.log(JSON.stringify({ collected }));
  },

  /** Drops every reference to an engine while its job runs, and collects garbage. It needs --expose-gc. */
  async collect() {
    const start = async () => (await bigEngine()).score(bigBatch(60));
    const scores = start();
    for (let i = 0; i < 5; i++) {
      await sleep(10);
      globalThis.gc?.();
    }
    console.log(JSON.stringify({ scores: (await scores).length }));
    await sleep(0);
    globalThis.gc?.(); // This one can collect the engine itself.
  },
};

await MODES[process.argv[2]](process.argv.slice(3));
