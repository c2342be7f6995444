import { stringify } from 'yaml';
import { mean } from '../core/statistics.js';
import type { MergeMethod } from '../methods/method.js';
import type { ResolvedRecipe } from '../recipe/resolved.js';
import type { ComparisonRecord } from '../search/journal_event.js';
import type { Score } from '../tasks/scores.js';
import { frontMatter } from './front_matter.js';
import { code, codeBlock, listed, plain, table } from './markdown.js';
import { publicPath, type Origin } from './origin.js';
import { howToUse, percentage } from './use.js';

/** What of a run's record its model card tells. */
export interface MergedRun {
  dfmerge: string;
  recipe: ResolvedRecipe;
  models: readonly { model: string; task?: string; coefficient: number }[];
  /** The trials of a search; empty where the recipe gave the coefficients. */
  trials: readonly unknown[];
  tasks: readonly { name: string; validation: Score; test?: Score }[];
  comparisons: readonly ComparisonRecord[];
}

/** What a model card tells besides. */
export interface MergedFrom {
  method: MergeMethod;
  architecture: { title: string; transformersClass: string };
  /** The base model's origin, and then those of the models in their order. */
  origins: readonly Origin[];
  /** The fine-tuned models, each on its own task, where they were scored. */
  fineTuned?: ComparisonRecord;
}

/** The model card of a merged model: Markdown with a front matter for the Hub. The same record gives the same text. */
export function mergeCard(run: MergedRun, from: MergedFrom): string {
  const { method, origins, architecture } = from;
  const parts = [
    frontMatter({ relation: 'merge', origins, tags: ['merge', 'dfmerge', method.name] }),
    introduction(run, from),
    ingredients(run, from),
    accuracies(run, from),
    howToUse(architecture.transformersClass),
    recipeOf(run),
    citationOf(method),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function introduction(run: MergedRun, { method, architecture }: MergedFrom): string {
  const { models, trials, dfmerge } = run;
  const names = models.map(({ task, model }) => plain(task ?? publicPath(model)));
  const which = models.length === 1 ? 'one fine-tuned model' : `${models.length} fine-tuned models of one base model`;
  const title = plain(method.title);
  return `# ${title}: ${listed(names)}

A ${plain(architecture.title)} that dfmerge ${plain(dfmerge)} merged from ${which}, without further training. It is as large as the base.

**${title}** (${plain(method.source)}): ${plain(method.summary)} ${trials.length > 0 ? searched(run, method) : 'The coefficients were given.'}

${formulaOf(method)}
`;
}

function searched({ trials, recipe }: MergedRun, { search }: MergeMethod): string {
  const { init, seed, validation_ratio: ratio } = recipe.search;
  const judged = `by the mean accuracy on ${ratio === 1 ? 'the' : `${percentage(ratio)} % of the`} validation rows of the tasks`;
  if (search?.over === 'one coefficient') return `The coefficient is the best of ${trials.length}, ${judged}.`;
  return `The coefficients are the best of ${trials.length} that Bayesian optimisation tried, ${judged} (the first ${init} without a model of the objective; seed ${seed}).`;
}

const SYMBOLS: readonly (readonly [RegExp, string, string])[] = [
  [/θ0/, 'θ0', 'is the base model'],
  [/θ_i/, 'θ_i', 'a fine-tuned model'],
  [/τ_i/, 'τ_i = θ_i − θ0', 'what fine-tuning changed'],
  [/λ_i/, 'λ_i', 'a coefficient'],
  [/\bM\b/, 'M', 'the number of models'],
  [/F_i/, 'F_i', 'the diagonal Fisher information'],
];

function formulaOf({ formula }: MergeMethod): string {
  const meanings = SYMBOLS.filter(([symbol]) => symbol.test(formula)).map(([, name, is]) => `${code(name)} ${is}`);
  return `In a formula: ${code(`θ = ${formula}`)}${meanings.length > 0 ? `, where ${listed(meanings)}` : ''}.`;
}

function ingredients({ recipe, models }: MergedRun, { origins: [base, ...origins] }: MergedFrom): string {
  const named = (path: string, origin: Origin | undefined) => code(origin?.hubId ?? publicPath(path));
  const rows = models.map(({ model, task, coefficient }, i) => [
    named(model, origins[i]),
    task === undefined ? '–' : plain(task),
    String(Number(coefficient.toFixed(4))),
  ]);
  return `## What was merged

The base model is ${named(recipe.base_model, base)}.

${table(['Model', 'Task', 'Coefficient λ'], rows, 2)}
`;
}

function accuracies({ tasks, comparisons, trials }: MergedRun, { fineTuned }: MergedFrom): string {
  if (tasks.length === 0) return '';
  const tested = tasks.some(({ test }) => test);
  const split = fineTuned?.split ?? 'test';
  const own = (task: string) => fineTuned?.accuracy[task];
  const columns = [
    'Task',
    'Validation',
    ...(tested ? ['Test'] : []),
    ...(fineTuned ? ['Fine-tuned alone', 'Kept'] : []),
  ];
  const rows = tasks.map((task) => [
    plain(task.name),
    shown(task.validation),
    ...(tested ? [shown(task.test)] : []),
    ...(fineTuned ? [percentageOr(own(task.name)), kept(task[split]?.accuracy, own(task.name))] : []),
  ]);
  const explained = [
    'How many rows are answered rightly, and of how many.',
    ...(fineTuned
      ? [
          `*Fine-tuned alone* is what the model that was fine-tuned for a task reaches on its ${split} rows, and *kept* the share of it that the merged model reaches there.`,
        ]
      : []),
    ...(trials.length > 0 ? ['The coefficients were chosen on validation rows, so that test rows say more.'] : []),
  ];
  return `## Accuracy

${explained.join(' ')}

${table(columns, rows, 1)}
${means({ tasks, comparisons })}`;
}

/** The merged model and what it was compared with by their means, which only those have that were scored on the same rows. */
function means({ tasks, comparisons }: Pick<MergedRun, 'tasks' | 'comparisons'>): string {
  const split = comparisons[0]?.split;
  if (split === undefined) return '';
  const scores = tasks.flatMap((task) => task[split] ?? []);
  const rows = [
    ...comparisons.map(({ label, mean: value }) => [plain(label), `${percentage(value)} %`]),
    ['**this model**', `**${percentage(mean(scores.map(({ accuracy }) => accuracy)))} %**`],
  ];
  return `
The same models used in other ways, by the mean accuracy over the tasks' ${split} rows:

${table(['', 'Mean'], rows, 1)}
`;
}

function shown(score: Score | undefined): string {
  return score ? `${percentage(score.accuracy)} % of ${score.examples}` : '–';
}

function percentageOr(fraction: number | undefined): string {
  return fraction === undefined ? '–' : `${percentage(fraction)} %`;
}

/** The part of `own` that is left; a model that answers nothing rightly leaves no part to speak of. */
function kept(merged: number | undefined, own: number | undefined): string {
  return merged === undefined || !own ? '–' : `${percentage(merged / own)} %`;
}

function recipeOf({ recipe }: MergedRun): string {
  const { base_model: base, models, tasks = {} } = recipe;
  const published = {
    ...recipe,
    base_model: publicPath(base),
    models: models.map(({ model, fisher, ...rest }) => ({
      model: publicPath(model),
      ...rest,
      ...(fisher === undefined
        ? {}
        : { fisher: typeof fisher === 'string' ? publicPath(fisher) : { ...fisher, path: publicPath(fisher.path) } }),
    })),
    ...(recipe.tasks === undefined
      ? {}
      : {
          tasks: Object.fromEntries(
            Object.entries(tasks).map(([name, { data }]) => [name, { data: publicPath(data) }]),
          ),
        }),
  };
  return `## Recipe

With every default spelled out. Of paths that lead out of the recipe's folder the last part stands here.

${codeBlock('yaml', stringify(published, { lineWidth: 0 }))}
`;
}

function citationOf({ citation }: MergeMethod): string {
  return citation === undefined ? '' : `## Citation\n\n${codeBlock('bibtex', citation)}\n`;
}
