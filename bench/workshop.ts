import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from '../bindings/index.js';
import type { BenchCase } from './catalog.js';
import type { ShapeName } from './shapes.js';
import type { CaseResult, CaseSpec, WorkSpec } from './spec.js';

const CASE = fileURLToPath(new URL('case.js', import.meta.url));
const NEED_CHILD: readonly CaseSpec['kind'][] = ['merge', 'iteration', 'memory'];

/** Runs a program and returns the last line that it prints. Throws with its complaint where it fails. */
export function lastLine(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let complaint = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (complaint += data.toString()));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out.trimEnd().split('\n').at(-1) ?? '');
      else
        reject(
          new Error(complaint.trim().split('\n').slice(-6).join('\n') || `${command} ended with ${signal ?? code}`),
        );
    });
  });
}

/** Runs a case in a process of its own. */
export async function runProcess(spec: CaseSpec, env?: NodeJS.ProcessEnv): Promise<CaseResult> {
  return JSON.parse(await lastLine(process.execPath, ['--expose-gc', CASE, JSON.stringify(spec)], env)) as CaseResult;
}

/** A folder of this run's random models and reference numbers, each of which a process of its own makes when it is first needed. */
export class Workshop {
  private constructor(readonly folder: string) {}

  static async open(): Promise<Workshop> {
    return new Workshop(await mkdtemp(join(tmpdir(), 'dfmerge-bench-')));
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Completes what the processes of a case are told. */
  async specOf({ spec }: BenchCase, options: { threads: number; repeats: number }): Promise<CaseSpec> {
    if (!('shape' in spec) || spec.kind === 'create') return { ...spec, ...options };
    const base = await this.model(spec.shape, 'base', options.threads);
    const child = NEED_CHILD.includes(spec.kind) ? await this.model(spec.shape, 'child', options.threads) : undefined;
    const complete = { ...spec, ...options, base, child } as CaseSpec;
    if (complete.kind !== 'fisher' && complete.kind !== 'score' && complete.kind !== 'train') return complete;
    return { ...complete, reference: await this.reference(complete) };
  }

  private async model(shape: ShapeName, name: 'base' | 'child', threads: number): Promise<string> {
    const out = join(this.folder, `${shape}-${name}`);
    if (!existsSync(out))
      await runProcess({ kind: 'create', shape, out, seed: name === 'base' ? 1 : 2, threads, repeats: 1 });
    return out;
  }

  /**
   * The file of the reference's numbers. Where it takes no time they are those of the scalar kernels, otherwise those of the kernels that any
   * processor runs.
   */
  private async reference({ kind: work, shape, base, task, rows, lengths, threads }: WorkSpec): Promise<string> {
    const reference = join(this.folder, `${work}-${shape}-${task}-${rows}.json`);
    if (existsSync(reference)) return reference;
    const isa = shape === 'mini' || native().info().isa === 'generic' ? 'scalar' : 'generic';
    const { skipped } = await runProcess(
      { kind: 'reference', work, shape, base, task, rows, lengths, threads, repeats: 1, reference },
      { ...process.env, DFMERGE_ISA: isa },
    );
    if (skipped) throw new Error(skipped);
    return reference;
  }
}
