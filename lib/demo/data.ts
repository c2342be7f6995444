import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RandomStream } from '../data/random.js';
import type { SplitName, TaskRow } from '../data/task.js';
import { pick } from './draw.js';
import type { Plan } from './plan.js';
import type { Skill } from './skills.js';
import { STORIES } from './text.js';

/** A task's rows by split. */
export type TaskRows = Record<SplitName, TaskRow[]>;

/** Rows of a skill for every split; no input is in two of them, or twice in one. */
export function makeTask(seed: number, skill: Skill, sizes: Plan['rows']): TaskRows {
  const stream = new RandomStream(seed, 'task', skill.name);
  const seen = new Set<string>();
  const rows = (count: number): TaskRow[] =>
    Array.from({ length: count }, (_, index) => {
      for (;;) {
        const row = skill.row(stream, index);
        if (seen.has(row.input)) continue;
        seen.add(row.input);
        return row;
      }
    });
  return { test: rows(sizes.test), validation: rows(sizes.validation), train: rows(sizes.train) };
}

/** Plain texts for pre-training. */
export function makeTexts(seed: number, count: number): string[] {
  const stream = new RandomStream(seed, 'text');
  return Array.from({ length: count }, () => pick(stream, STORIES)(stream));
}

/** Writes `dir/SPLIT.jsonl`. */
export async function writeTask(dir: string, task: TaskRows): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const [split, rows] of Object.entries(task)) {
    await writeFile(join(dir, `${split}.jsonl`), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }
}
