import { RandomStream } from '../core/random_stream.js';
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

/** Makes the stories, the tasks and the tokenizer that belong to a seed. */
export function makeData(seed: number, plan: Pick<Plan, 'stories' | 'rows'>): MadeData {
  const stream = new RandomStream(seed, 'stories');
  const stories = Array.from({ length: plan.stories }, () => pick(stream, STORIES)(stream));
  const tasks = SKILLS.map((skill) => makeTask(seed, skill, plan.rows));
  const rows = tasks.flatMap(({ splits }) => Object.values(splits).flat());
  const texts = [
    ...stories.flatMap(({ text, asked }) => [text, ...asked.flat()]),
    ...rows.flatMap(({ input, choices }) => [input, ...choices]),
  ];
  return { stories, tasks, tokenizer: wordTokenizer(texts) };
}

/** Makes a skill's rows for every split, so that no input occurs twice, in one split or in two. */
function makeTask(seed: number, skill: Skill, sizes: Plan['rows']): MadeTask {
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
  const rows = (count: number) => Array.from({ length: count }, (_, index) => newRow(index));
  return { skill, splits: { test: rows(sizes.test), validation: rows(sizes.validation), train: rows(sizes.train) } };
}

/** The texts of a task's files, `data/TASK/SPLIT.jsonl`. */
export function taskFiles({ skill, splits }: MadeTask): [name: string, text: string][] {
  return Object.entries(splits).map(([split, rows]) => [
    `data/${skill.name}/${split}.jsonl`,
    rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  ]);
}
