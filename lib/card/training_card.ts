import { frontMatter } from './front_matter.js';
import { code, plain, table } from './markdown.js';
import { publicPath, type Origin } from './origin.js';
import { howToUse, percentage } from './use.js';

/** What a model card tells of a fine-tuning. */
export interface TrainedModel {
  dfmerge: string;
  architecture: { title: string; transformersClass: string };
  /** The folder of the model that was fine-tuned, as the user named it, and where that comes from. */
  model: string;
  origin: Origin;
  task: string;
  /** How it was trained, by the names of the options. */
  settings: Readonly<Record<string, number | string>>;
  /** The state that was kept, as the validation split shows it. */
  best: { step: number; validationLoss: number; accuracy: number; examples: number };
}

/** The model card of a fine-tuned model. The same training gives the same text. */
export function trainingCard(trained: TrainedModel): string {
  const { dfmerge, architecture, model, origin, task, settings, best } = trained;
  const rows = Object.entries(settings).map(([name, value]) => [code(name), plain(String(value))]);
  return `${frontMatter({ relation: 'finetune', origins: [origin], tags: ['dfmerge'] })}
# ${plain(task)}

A ${plain(architecture.title)} that dfmerge ${plain(dfmerge)} fine-tuned for the task ${plain(task)}, from ${code(origin.hubId ?? publicPath(model))}.

## Accuracy

Of ${best.examples} validation rows it answers ${percentage(best.accuracy)} % rightly; the loss there is ${best.validationLoss.toPrecision(4)} per token of a right answer. This is the state after ${best.step} steps, whose validation loss was the lowest, so that other rows say more.

## Training

By AdamW on the right answers, without dropout:

${table(['Setting', 'Value'], rows, 1)}

${howToUse(architecture.transformersClass)}`;
}

/** What a model card tells of a model that was made from nothing. */
export interface MadeModel {
  dfmerge: string;
  architecture: { title: string; transformersClass: string };
  /** What it is, in a sentence. */
  description: string;
}

/** The model card of a model without a base. */
export function madeCard({ dfmerge, architecture, description }: MadeModel): string {
  return `${frontMatter({ relation: undefined, origins: [], tags: ['dfmerge'] })}
# A small ${plain(architecture.title)}

${description} Made by dfmerge ${plain(dfmerge)}.

${howToUse(architecture.transformersClass)}`;
}
