import { RandomStream } from '../core/random_stream.js';
import type { Pace } from '../core/pace.js';
import type { SplitName, TaskRow } from '../tasks/rows.js';
import { pick } from './draw.js';
import type { Plan } from './plan.js';
import { SKILLS, type Skill } from './skills.js';
import { STORIES, type Story } from './stories.js';
import { wordTokenizer, type WordTokenizer } from './tokenizer.js';

/** A task that was made: its skill, and its rows by split. */
export interface MadeTask {
  skill: Skill;
  splits: Record<SplitName, TaskRow[]>;
}

/** Everything that the demo's models read. */
export interface MadeData {
  stories: Story[];
  tasks: MadeTask[];
  /** A tokenizer that knows every word of the stories and the tasks. */
  tokenizer: WordTokenizer;
}

/** Makes the stories, the tasks and the tokenizer that belong to a seed, in slices. Throws the reason of the pace's signal. */
export async function makeData(seed: number, plan: Pick<Plan, 'stories' | 'rows'>, pace: Pace): Promise<MadeData> {
  const stream = new RandomStream(seed, 'stories');
  const stories = await pace.map(Array(plan.stories).keys(), () => pick(stream, STORIES)(stream));
  const tasks: MadeTask[] = [];
  for (const skill of SKILLS) tasks.push(await pace.finish(makingTask(seed, skill, plan.rows)));
  const rows = tasks.flatMap(({ splits }) => Object.values(splits).flat());
  const texts = [
    ...stories.flatMap(({ text, asked }) => [text, ...asked.flat()]),
    ...rows.flatMap(({ input, choices }) => [input, ...choices]),
  ];
  return { stories, tasks, tokenizer: await wordTokenizer(texts, pace) };
}

/** Makes a skill's rows for every split, so that no input occurs twice, in one split or in two. It yields after every row. */
function* makingTask(seed: number, skill: Skill, sizes: Plan['rows']): Generator<void, MadeTask> {
  const stream = new RandomStream(seed, 'task', skill.name);
  const seen = new Set<string>();
  const newRow = (index: number): TaskRow => {
    for (;;) {
      const row = skill.row(stream, index);
      if (seen.has(row.input)) continue;
      seen.add(row.input);
      return row;
    }
  };
  const made: Record<SplitName, TaskRow[]> = { test: [], validation: [], train: [] };
  for (const split of ['test', 'validation', 'train'] as const)
    for (let index = 0; index < sizes[split]; index++) {
      made[split].push(newRow(index));
      yield;
    }
  return { skill, splits: made };
}

/** The texts of a task's files, `data/TASK/SPLIT.jsonl`. Throws the reason of the pace's signal. */
export async function taskFiles({ skill, splits }: MadeTask, pace: Pace): Promise<[name: string, text: string][]> {
  const files: [string, string][] = [];
  for (const [split, rows] of Object.entries(splits)) {
    const lines = await pace.map(rows, (row) => `${JSON.stringify(row)}\n`);
    files.push([`data/${skill.name}/${split}.jsonl`, lines.join('')]);
  }
  return files;
}
