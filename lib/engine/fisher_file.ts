import type { Parameter, ParameterSource } from '../architectures/index.js';
import { readHeader, isWeightDType } from '../checkpoint/safetensors.js';
import { fillSafetensorsFile, type TensorTarget } from '../checkpoint/safetensors_file.js';
import { DfMergeError } from '../core/errors.js';
import { writeOutputFile, type OutputFileOptions } from '../core/output_file.js';
import type { Session } from './session.js';

/** What a `fisher.safetensors` says of itself, as strings. */
export interface FisherMetadata {
  mode: string;
  samples: string;
  coefficient: string;
  epsilon: string;
  /** The dtype of matrix products' operands when it was measured. */
  compute_dtype: string;
  /** What checkpointFingerprints gives for the model, and that of the base where it was measured between the two. */
  model: string;
  base?: string;
  /** DIGEST_SCHEME; files of earlier versions, whose digests were others, have none. */
  digests: string;
  /** The SHA-256 of the data file. */
  data: string;
  /** Other facts stand under any name. Where choices were skipped, they are `min_weight` and, as JSON of SkippedChoices, `skipped`. */
  [key: string]: string | undefined;
}

const KIND = 'dfmerge diagonal fisher';

/** What the digests of a file are made of. */
export const DIGEST_SCHEME = 'sha256 of all bytes';

/**
 * Writes the engine's Fisher in float32, with the names and shapes of the model's parameters, in the way of writeOutputFile.
 * Errors: those of writeOutputFile, NUMERIC.
 */
export async function writeFisher(
  session: Session,
  file: string,
  { metadata, ...options }: OutputFileOptions & { metadata: FisherMetadata },
): Promise<void> {
  const tensors = session.parameters.map(({ name, shape }) => ({ name, shape, dtype: 'F32' as const }));
  const content = {
    metadata: { format: 'pt', kind: KIND, ...definedOf(metadata) },
    writeTensors: (path: string, places: TensorTarget[]) =>
      session.job(
        (engine) =>
          engine.write(
            'fisher',
            places.map((place) => ({ file: path, ...place })),
          ),
        options.signal,
      ),
  };
  await writeOutputFile(file, (path) => fillSafetensorsFile(path, tensors, content), options);
}

function definedOf(metadata: FisherMetadata): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** What a file with a Fisher says of itself; undefined where writeFisher did not make it. Errors: NOT_FOUND, IO, INVALID_CHECKPOINT. */
export async function readFisherMetadata(file: string): Promise<Partial<FisherMetadata> | undefined> {
  const { metadata } = await readHeader(file);
  return metadata.kind === KIND ? metadata : undefined;
}

/** Reads a Fisher into the engine in place of measuring one. Errors: those of fisherSources; NUMERIC. */
export async function loadFisher(session: Session, file: string, signal?: AbortSignal): Promise<void> {
  const sources = await fisherSources(session.parameters, file);
  await session.job((engine) => engine.loadFisher(sources), signal);
}

/**
 * Where the Fishers of a model's parameters lie in a file, of which only the header is read.
 * Errors: those of readHeader; MISMATCH listing tensors that are missing, of another shape, no weights, or none of the model's.
 */
export async function fisherSources(parameters: readonly Parameter[], file: string): Promise<ParameterSource[]> {
  const { tensors } = await readHeader(file);
  const wrong: string[] = [];
  const sources = parameters.map(({ name, shape }) => {
    const entry = tensors.get(name);
    if (!entry) wrong.push(`${name} is missing`);
    else if (entry.shape.join() !== shape.join())
      wrong.push(`${name} is [${entry.shape.join(', ')}], the model's is [${shape.join(', ')}]`);
    else if (!isWeightDType(entry.dtype)) wrong.push(`${name} is ${entry.dtype}`);
    return {
      name,
      file,
      offset: entry?.begin ?? 0,
      dtype: entry && isWeightDType(entry.dtype) ? entry.dtype : ('F32' as const),
    };
  });
  const known = new Set(parameters.map(({ name }) => name));
  for (const name of tensors.keys()) if (!known.has(name)) wrong.push(`${name} is not in the model`);
  if (wrong.length > 0) {
    const more = wrong.length > 8 ? ` and ${wrong.length - 8} more` : '';
    throw new DfMergeError('MISMATCH', `${file} is not a Fisher of this model: ${wrong.slice(0, 8).join('; ')}${more}`);
  }
  return sources;
}
