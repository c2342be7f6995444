import stringWidth from 'string-width';
import type { Prediction } from '../commands/predict.js';
import { percent } from '../report/format.js';

/** A prediction as an object for a line of JSON: what the line of the input held, and the answer. */
export function jsonLine({ input, choices, fields, answer }: Prediction): string {
  return `${JSON.stringify({ ...(fields ?? { input }), ...(choices ? { choices } : {}), ...answer })}\n`;
}

/** How predictions are shown to people. */
export interface ShowOptions {
  /** Whether the input stands above its answer. */
  named: boolean;
  /** How many columns there are for it. */
  width: number;
}

/** A prediction for people: a table of the choices, the likeliest first, or the text that was written. */
export function shownPrediction({ input, choices, answer }: Prediction, { named, width }: ShowOptions): string {
  if (!('probabilities' in answer)) return `${oneLine(answer.text)}\n`;
  const order = answer.probabilities.map((_, c) => c).sort((a, b) => answer.probabilities[b] - answer.probabilities[a]);
  // The first of equals is the one that was picked.
  const rows = order.map((c) => [oneLine(choices?.[c] ?? ''), percent(answer.probabilities[c])] as const);
  const columns = Math.max(...rows.map(([choice]) => stringWidth(choice)));
  const number = Math.max(...rows.map(([, share]) => share.length));
  const lines = rows.map(
    ([choice, share]) => `  ${choice}${' '.repeat(columns - stringWidth(choice))}  ${share.padStart(number)}\n`,
  );
  return `${named ? `${cutTo(oneLine(input), width)}\n` : ''}${lines.join('')}${named ? '\n' : ''}`;
}

/** A text without line breaks and other control characters, which would steer a terminal. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

function cutTo(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let cut = '';
  for (const character of text) {
    if (stringWidth(cut + character) >= width) break;
    cut += character;
  }
  return `${cut}…`;
}
