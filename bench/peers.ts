import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../bindings/index.js';
import type { PeerRequest } from './catalog.js';
import type { LimitSample } from './spec.js';
import { lastLine } from './workshop.js';

/** The packages that each program imports. */
const PACKAGES: Record<PeerRequest['program'], string[]> = {
  torch_t5: ['torch', 'transformers', 'numpy'],
  ct2_score: ['ctranslate2', 'torch', 'transformers', 'tokenizers', 'numpy'],
  ct2_generate: ['ctranslate2', 'torch', 'transformers', 'tokenizers', 'numpy'],
  bayes_opt_suggest: ['bayesian-optimization', 'numpy'],
};

const VERSIONS = `
import importlib.metadata as m, json, sys
found = {"python": sys.version.split()[0]}
for name in sys.argv[1:]:
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps(found))`;

interface PeerResult {
  seconds: number[];
  peak: number;
  /** How many of the sequences are the same as ours, as "n of m". */
  same?: string;
}

/** A Python with the packages that it has. */
export class Peers {
  private constructor(
    private readonly python: string,
    /** The version of each package that was found. */
    readonly versions: Readonly<Record<string, string>>,
  ) {}

  /** Takes the Python that is named, else that of DFMERGE_BENCH_PYTHON, else python3. Throws where it does not run. */
  static find(named: string | undefined): Peers {
    const python = named ?? process.env.DFMERGE_BENCH_PYTHON ?? 'python3';
    const packages = [...new Set(Object.values(PACKAGES).flat())];
    try {
      return new Peers(
        python,
        JSON.parse(execFileSync(python, ['-c', VERSIONS, ...packages], { encoding: 'utf8' })) as Record<string, string>,
      );
    } catch (cause) {
      throw new Error(`--peers: ${python} does not run; name one with --python or DFMERGE_BENCH_PYTHON`, { cause });
    }
  }

  /** The packages that a program needs and this Python lacks. */
  missing(program: PeerRequest['program']): string[] {
    return PACKAGES[program].filter((name) => !(name in this.versions));
  }

  /** One line for each program that cannot run. */
  absences(): string[] {
    const programs = Object.keys(PACKAGES) as PeerRequest['program'][];
    return programs
      .filter((program) => this.missing(program).length > 0)
      .map((program) => `${program}: skipped, ${this.python} has no ${this.missing(program).join(', ')}`);
  }

  /** Runs a peer's program in a process of its own, offline. Throws where it fails. */
  async run(
    { program, request }: PeerRequest,
    options: { threads: number; repeats: number; folder: string },
  ): Promise<PeerResult> {
    const file = join(packageRoot(), 'bench', 'peers', `${program}.py`);
    const environment = {
      ...process.env,
      OMP_NUM_THREADS: String(options.threads),
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_VERBOSITY: 'error',
    };
    return JSON.parse(
      await lastLine(this.python, ['-B', file, JSON.stringify({ ...request, ...options })], environment),
    ) as PeerResult;
  }

  /** The rates at which PyTorch computes the same large products. */
  async limits(
    products: readonly (readonly [number, number, number])[],
    options: { threads: number; repeats: number; folder: string },
  ): Promise<LimitSample[]> {
    if (this.missing('torch_t5').length > 0) return [];
    const samples: LimitSample[] = [];
    for (const dtype of ['float32', 'bfloat16'] as const) {
      for (const [m, n, k] of products) {
        const { seconds } = await this.run(
          { label: 'PyTorch', program: 'torch_t5', request: { work: 'matmul', dtype, m, n, k } },
          options,
        );
        samples.push({
          kind: dtype,
          what: `${m}x${n}x${k}`,
          by: 'PyTorch',
          rate: (2 * m * n * k) / Math.min(...seconds) / 1e9,
        });
      }
    }
    return samples;
  }
}
