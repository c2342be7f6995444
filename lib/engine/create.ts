import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeManifest } from '../core/manifest.js';
import { VERSION } from '../core/version.js';
import { outputPath } from '../core/paths.js';
import { seedOption } from '../core/arguments.js';
import { architectureOf } from '../architectures/index.js';
import { writeSafetensorsFile } from '../checkpoint/safetensors_file.js';
import { assertWritable } from '../checkpoint/write.js';
import { makeEngine, type ComputeOptions } from './session.js';

/** A model to be made from nothing. */
export interface CreateOptions extends ComputeOptions {
  out: string;
  /** The config.json of any architecture that the engine knows. */
  config: Record<string, unknown>;
  /** The seed of the random parameters. */
  seed: number;
  /** The texts of tokenizer.json and of other files of the folder, by name. */
  files?: Record<string, string>;
}

/**
 * Writes a model with random parameters, initialised as its architecture is before pre-training: something to train.
 * Errors: EXISTS, INVALID_CONFIG, UNSUPPORTED, IO.
 */
export async function createModel(options: CreateOptions): Promise<void> {
  seedOption(options.seed);
  const out = outputPath(options.out);
  await assertWritable(out);
  const file = join(out, 'config.json');
  const engine = makeEngine(architectureOf(options.config, file).engineConfig(options.config, file), options);
  try {
    await engine.initialize(options.seed);
    await mkdir(dirname(out), { recursive: true });
    await mkdir(out, { recursive: true });
    const tensors = engine.parameters().map(({ name, shape }) => ({ name, shape, dtype: 'F32' as const }));
    await writeSafetensorsFile(join(out, 'model.safetensors'), tensors, {
      metadata: { format: 'pt' },
      writeTensors: (file, places) =>
        engine.write(
          'parameters',
          places.map((place) => ({ file, ...place })),
        ),
    });
    const files = { 'config.json': `${JSON.stringify(options.config, null, 2)}\n`, ...options.files };
    for (const [name, text] of Object.entries(files)) await writeFile(join(out, name), text);
    await writeManifest(out, { dfmerge: VERSION });
  } finally {
    engine.close();
  }
}
