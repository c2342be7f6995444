import { OptimizerError } from '../bayes/index.js';
import { DfMergeError, type ErrorCode } from '../core/errors.js';

/** Something that keeps a run from being done. */
export interface Problem {
  code: ErrorCode;
  message: string;
  /** Where the mistake stands, as far as that is known. */
  file?: string;
  line?: number;
  column?: number;
}

/** Problems of a run, all of which are wanted and not only the first. */
export class Problems {
  readonly list: Problem[] = [];
  readonly #errors: DfMergeError[] = [];

  /**
   * Does a part of the checking. What it throws is kept and undefined returned.
   * @param place `FILE:LINE:COLUMN: ` of what is checked, or ''
   */
  async attempt<T>(place: string, part: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await part();
    } catch (error) {
      if (error instanceof OptimizerError) this.add(new DfMergeError(error.code, error.message), place);
      else if (error instanceof DfMergeError) this.add(error, place);
      else throw error;
      return undefined;
    }
  }

  /** Keeps an error, of which every line that begins with a place is a problem of its own. */
  add(error: DfMergeError, place = ''): void {
    this.#errors.push(error);
    for (const line of linesOf(error)) {
      const inside = placeIn(line);
      this.list.push({
        code: error.code,
        ...inside,
        ...(inside.file === undefined && place ? { ...placeIn(place + line), message: line } : {}),
      });
    }
  }

  /** Throws what was found: the error itself where it is the only one, and else one that tells all. */
  throwAny(): void {
    const [first, ...others] = this.#errors;
    if (!first) return;
    if (others.length === 0) throw first;
    throw new DfMergeError(first.code, this.#errors.map(({ message }) => message).join('\n'), { cause: first });
  }
}

/** The lines of a message that tells several mistakes, and else the message. */
function linesOf({ code, message }: DfMergeError): string[] {
  const lines = message.split('\n');
  const isMistake = (line: string) => /^.+?:\d+: |: and \d+ more$/.test(line);
  return code === 'INVALID_RECIPE' || (code === 'INVALID_DATA' && lines.every(isMistake)) ? lines : [message];
}

/** A message and the place that it begins with, `FILE:LINE: ` or `FILE:LINE:COLUMN: `. */
function placeIn(message: string): Omit<Problem, 'code'> {
  const found = /^(.+?):(\d+)(?::(\d+))?: ([^]*)$/.exec(message);
  if (!found) return { message };
  const [, file, line, column, rest] = found;
  return { message: rest, file, line: Number(line), ...(column === undefined ? {} : { column: Number(column) }) };
}
