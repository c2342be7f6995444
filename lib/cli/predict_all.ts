import { open } from 'node:fs/promises';
import { jsonInput, predictTogether, textInput, type Prediction, type PredictionInput } from '../commands/predict.js';
import { fileError } from '../core/files.js';
import { assertFileSpares } from '../core/inputs.js';
import { lineGroups, type ByteStream, type Line } from '../core/lines.js';
import { assertFileWritable, writeOutputLines } from '../core/output_file.js';
import type { ComputeOptions } from '../engine/session.js';
import { truncationWarning, type GenerateOptions } from '../model/model.js';
import { openModel } from '../model/open.js';
import { modelInput } from '../run/inputs.js';
import { usage } from './arguments.js';
import type { Terminal } from './command.js';
import { writeToStandardOutput } from './output_stream.js';
import { widthOf } from './parser.js';
import { jsonLine, shownPrediction } from './predict_text.js';

/** What is to be predicted, and where the answers go. */
export interface PredictRequest {
  model: string;
  source: PredictSource;
  out: { file: string | undefined; overwrite: boolean; json: boolean };
  compute: ComputeOptions;
  maxInputTokens: number;
  choices: readonly string[] | undefined;
  generation: GenerateOptions;
  run: Terminal['run'];
}

/** Where inputs come from: texts, or the lines of a file or of standard input. */
export interface PredictSource {
  /** The texts; `-` alone stands for standard input. */
  texts: readonly string[];
  file: string | undefined;
  /** Whether lines are JSON objects whatever the file's name. */
  jsonl: boolean;
}

/** How many inputs were answered, and how many of them were cut. */
export interface PredictTally {
  inputs: number;
  truncated: number;
}

/** How many inputs are worked on together at most. Answers appear as soon as theirs are done, and no more is held in memory. */
const TOGETHER = 128;

/** Predicts every input in order, while they still come. Errors: those of openModel and of Model's calls; those of the input and the output. */
export async function predictAll(request: PredictRequest): Promise<PredictTally> {
  const { model: dir, source, out, compute, maxInputTokens, run } = request;
  const groups = await groupsOf(source, run.signal);
  if (out.file !== undefined) {
    const read = source.file === undefined ? [] : [{ path: source.file, what: 'the input' }];
    await assertFileSpares(out.file, [await modelInput(dir, 'the model'), ...read]);
    await assertFileWritable(out.file, out);
  }
  const model = await openModel(dir, { ...compute, maxInputTokens, signal: run.signal, onWarning: run.onWarning });
  const tally = { inputs: 0, truncated: 0 };
  async function* texts(): AsyncGenerator<string> {
    const toText = formatOf(request);
    for await (const inputs of groups) {
      const { choices, generation } = request;
      const predictions = await predictTogether(model, inputs, { ...generation, choices, signal: run.signal });
      tally.inputs += predictions.length;
      tally.truncated += predictions.filter(({ answer }) => answer.truncated).length;
      yield predictions.map(toText).join('');
    }
  }
  try {
    if (out.file === undefined) await writeToStandardOutput(texts(), run.signal);
    else await writeOutputLines(out.file, texts(), { overwrite: out.overwrite, signal: run.signal });
  } finally {
    await model.close();
  }
  const { inputs, truncated: cut } = tally;
  if (inputs === 0) run.onWarning('there was nothing to predict: no text is given, and no line came');
  if (cut > 0) run.onWarning(truncationWarning({ cut, inputs, maxInputTokens }));
  return tally;
}

function formatOf({ source, out }: PredictRequest): (prediction: Prediction) => string {
  if (out.json || isJsonLines(out.file)) return jsonLine;
  const named = source.file !== undefined || source.texts.length !== 1 || source.texts[0] === '-';
  return (prediction) => shownPrediction(prediction, { named, width: widthOf(process.stdout) });
}

/** The inputs of a source, in groups that are worked on together. What can be opened is opened now. */
async function groupsOf(source: PredictSource, signal: AbortSignal): Promise<AsyncIterable<PredictionInput[]>> {
  const { texts, file, jsonl } = source;
  if (texts.length > 0 && texts[0] !== '-') return groupsOfTexts(texts);
  const name = file ?? 'standard input';
  if (file === undefined && texts.length === 0 && process.stdin.isTTY)
    throw usage('predict needs a text: dfmerge predict --model DIR TEXT, --input FILE, or lines on standard input');
  const read = jsonl || isJsonLines(file) ? (line: Line) => jsonInput(line, name) : textInput;
  return lineGroups(await streamOf(file), { read, name, most: TOGETHER, signal });
}

async function* groupsOfTexts(texts: readonly string[]): AsyncGenerator<PredictionInput[]> {
  for (let i = 0; i < texts.length; i += TOGETHER) yield texts.slice(i, i + TOGETHER).map((input) => ({ input }));
}

async function streamOf(file: string | undefined): Promise<ByteStream> {
  if (file === undefined) return process.stdin;
  const handle = await open(file).catch((error: unknown) => {
    throw fileError(error, `cannot read ${file}`);
  });
  return handle.createReadStream();
}

function isJsonLines(file: string | undefined): boolean {
  return file !== undefined && /\.jsonl$/i.test(file);
}
