import { constants, copyFileSync, existsSync, readFileSync } from 'node:fs';
import { DfMergeError } from '../core/errors.js';
import { EventOrder, type JournalEvent, type JournalPart, type PartEvent } from './journal_event.js';
import { JournalFile, readLines, reporting, syncFile, type FoundLines, type Json } from './journal_file.js';
import { checkSameSearch, type JournalHeader } from './journal_header.js';

/** The append-only record of a search, in lines of JSON: a header, and then the events. */
export interface Journal {
  readonly path: string;
  /** The events that were read back and then those that were appended, in order. */
  readonly events: readonly JournalEvent[];
  /** Whether anything was appended. */
  readonly grew: boolean;
  /**
   * Returns when the line is on the disk. Throws INVALID_ARGUMENT for an event that cannot follow (a number that is not finite, a trial out
   * of order); CLOSED; IO.
   */
  append(event: JournalEvent): void;
  /** The bytes of its good lines. Errors: IO. */
  bytes(): Buffer;
  close(): void;
}

/** The events of one part of a journal. */
export interface JournalOfPart {
  readonly part: JournalPart;
  readonly events: readonly JournalEvent[];
  /** As Journal.append. */
  append(event: PartEvent): void;
}

/** What is done about a journal that is there already. */
export interface JournalOptions {
  /** Whether to go on with it. */
  resume?: boolean;
  /** Whether to go on with its good lines where it is damaged. A copy of the damaged file is kept beside it, as `PATH.damaged-N`. */
  repair?: boolean;
  /** A finished journal to go on with where `path` is not there. It stays as it is: with the first event that is appended it is copied to `path`. */
  finished?: string;
  /** What the user calls that which a key of the header is about, for messages. */
  names?: Readonly<Record<string, string>>;
}

/**
 * Opens the journal of a search, whose caller is its only writer. A new one starts with `header`. An existing one needs `resume`, and gives
 * back its events after dropping a last line that was cut short (the process was killed in mid-write). One in which nothing has ended yet is
 * begun anew where it is not resumed.
 *
 * Throws EXISTS (the file is there and `resume` is not set), MISMATCH (another search's header), INVALID_DATA (a line that
 * cannot be read and is not the last, and `repair` is not set), IO.
 */
export function openJournal(path: string, header: JournalHeader, options: JournalOptions = {}): Journal {
  const { finished } = options;
  const models = Array.isArray(header.models) ? header.models.length : undefined;
  const goesOn = options.resume || options.repair;
  const source = goesOn && finished !== undefined && !existsSync(path) && existsSync(finished) ? finished : path;
  let found = existsSync(source) ? readJournal(source, { repair: options.repair, models }) : undefined;
  if (found && !goesOn) {
    if (!isWorthless(found))
      throw new DfMergeError(
        'EXISTS',
        `${source} holds the journal of an earlier search; add --resume (resume: true) to go on with it, or give another output folder`,
      );
    found = { ...found, lines: [], events: [], order: new EventOrder(models), length: 0 };
  }
  const first = { event: 'header', ...header };
  if (found && found.lines.length > 0)
    checkSameSearch(source, { found: found.lines[0], wanted: first, names: options.names });
  if (found?.damage !== undefined && options.repair) keepCopy(source, path);
  const order = found?.order ?? new EventOrder(models);
  const events = found?.events ?? [];
  let file: JournalFile | undefined;
  let closed = false;
  let grew = false;
  const opened = () => {
    if (closed) throw new DfMergeError('CLOSED', `the journal ${path} is closed`);
    if (file) return file;
    if (source !== path) JournalFile.copy(source, path);
    file = new JournalFile(path, found?.length);
    if (!found || found.lines.length === 0) file.append(first);
    return file;
  };
  if (source === path) opened();
  return {
    path,
    events,
    get grew() {
      return grew;
    },
    append(event) {
      const writer = opened();
      const problem = order.problemOf(event);
      if (problem !== undefined) throw new DfMergeError('INVALID_ARGUMENT', `the journal ${path}: ${problem}`);
      writer.append(event);
      events.push(event);
      grew = true;
    },
    bytes: () => (file ? readFileSync(path) : readFileSync(source).subarray(0, found?.length)),
    close() {
      closed = true;
      file?.close();
      file = undefined;
    },
  };
}

/** One part of a journal, with its events alone. */
export function partOfJournal(journal: Journal, part: JournalPart): JournalOfPart {
  return {
    part,
    get events() {
      return journal.events.filter(
        (event) => 'part' in event && event.part === part.part && event.inputs === part.inputs,
      );
    },
    append: (event) => journal.append({ ...event, ...part }),
  };
}

/**
 * Reads a journal, which may be growing, without opening it: its header and its events. A last line that was cut short is left out.
 * Errors: INVALID_DATA where a line is damaged; IO.
 */
export function readEvents(path: string): { header: Json; events: readonly JournalEvent[] } {
  const { lines, events } = readJournal(path, { repair: false, models: undefined });
  if (lines.length === 0)
    throw new DfMergeError('INVALID_DATA', `${path}: nothing has been written to this journal yet`);
  return { header: lines[0], events };
}

/** The comparisons that the last run of a journal was asked for; undefined where the journal does not say. It need not be whole. Errors: IO. */
export function comparisonsAskedFor(path: string): string[] | undefined {
  const events = readLines(path).lines as unknown as JournalEvent[];
  const last = events.findLast((event) => event?.event === 'comparisons');
  return last?.event === 'comparisons' && Array.isArray(last.names) ? last.names : undefined;
}

/** What a file of a journal was found to hold, as far as its lines are good. */
interface FoundJournal extends FoundLines {
  events: JournalEvent[];
  order: EventOrder;
}

const HEADER_START = '{"event":"header",';

/** Reads a journal up to its first bad line. Errors: INVALID_DATA where there is one, unless `repair` is set; IO. */
function readJournal(
  path: string,
  { repair, models }: { repair: boolean | undefined; models: number | undefined },
): FoundJournal {
  const found = readLines(path);
  const order = new EventOrder(models);
  const events: JournalEvent[] = [];
  let { damage } = found;
  // A header that was cut short begins as one does; anything else is somebody's file.
  const isHeader = found.rest.startsWith(HEADER_START) || HEADER_START.startsWith(found.rest.replace(/\0.*/s, ''));
  if (found.lines.length === 0 && !isHeader) damage ??= { line: 1, problem: 'expected the header of a journal' };
  for (const [index, line] of found.lines.entries()) {
    const problem = index === 0 ? problemOfHeader(line) : order.problemOf(line);
    if (problem !== undefined) {
      damage = { line: index + 1, problem };
      break;
    }
    if (index > 0) events.push(line as unknown as JournalEvent);
  }
  if (damage === undefined) return { ...found, events, order };
  const good = damage.line - 1;
  if (!repair) {
    const trials = events.filter(({ event, ...rest }) => event === 'told' && !('part' in rest)).length;
    throw new DfMergeError(
      'INVALID_DATA',
      `${path}:${damage.line}: ${damage.problem}. ${good === 0 ? 'No line of this journal is good' : `Lines 1 to ${good} of this journal are good`}, with ${trials} finished trials. ` +
        'Add --repair (repair: true) to go on from there; a copy of the damaged file is kept',
    );
  }
  const length = found.ends[good - 1] ?? 0;
  return { ...found, lines: found.lines.slice(0, good), length, damage, events, order };
}

function problemOfHeader(line: unknown): string | undefined {
  const isHeader = (line as { event?: unknown } | null)?.event === 'header';
  return isHeader ? undefined : 'expected the header of a journal';
}

/** Whether nothing in a journal has ended, so that nothing is lost with it. */
function isWorthless({ events, damage }: FoundJournal): boolean {
  return damage === undefined && events.every(({ event }) => event === 'asked' || event === 'comparisons');
}

function keepCopy(damaged: string, path: string): void {
  for (let number = 1; ; number++) {
    try {
      const copy = `${path}.damaged-${number}`;
      return reporting(path, () => {
        copyFileSync(damaged, copy, constants.COPYFILE_EXCL);
        syncFile(copy); // The damaged file is cut next, and a power cut must not leave neither.
      });
    } catch (error) {
      if (((error as DfMergeError).cause as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
