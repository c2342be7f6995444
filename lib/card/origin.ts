import { open, realpath } from 'node:fs/promises';
import { join, posix, win32 } from 'node:path';
import { parse } from 'yaml';
import { CARD_FILE } from '../checkpoint/card_file.js';
import { isObject } from '../core/files.js';

/** A licence as the front matter of a model card states it. */
export type License = Readonly<Record<string, string | string[]>>;

/** What a model folder says of where it comes from. */
export interface Origin {
  /** Its identifier on the Hugging Face hub, `owner/name`. */
  hubId?: string;
  /** The keys of its own model card that state its licence. */
  license?: License;
}

/**
 * Finds out where a model folder comes from: its identifier by a place in the Hub's cache, or by what its config.json says that it was loaded
 * from, and its licence by its own model card. What cannot be read says nothing.
 * @param dir the folder
 * @param config its config.json; absent where `_name_or_path` names what a model was trained from, and not the model itself
 */
export async function originOf(dir: string, config: Readonly<Record<string, unknown>> = {}): Promise<Origin> {
  const real = await realpath(dir).catch(() => dir);
  const stated = config._name_or_path;
  const hubId =
    hubIdInCache(real) ?? hubIdInCache(dir) ?? (typeof stated === 'string' ? hubIdAsNamed(stated) : undefined);
  const license = licenseIn(await beginning(join(dir, CARD_FILE)));
  return { ...(hubId === undefined ? {} : { hubId }), ...(license === undefined ? {} : { license }) };
}

/**
 * How a card names a path of the user: a relative path below the folder that it starts in stands as it is, and of every other one only the last
 * part, since a card is made to be published and the rest may hold the names of persons and machines.
 */
export function publicPath(path: string): string {
  const inCache = hubIdInCache(path);
  if (inCache !== undefined) return inCache;
  const normal = posix.normalize(path.replaceAll('\\', '/')).replace(/(?<=.)\/$/, '');
  const stays = !posix.isAbsolute(normal) && !win32.isAbsolute(path) && !/^(\.\.(\/|$)|~|[A-Za-z]:)/.test(normal);
  return stays ? path : posix.basename(normal);
}

/** The identifier of a repository in the Hub's cache, whose folders are called `models--owner--name/snapshots/REVISION`. */
export function hubIdInCache(path: string): string | undefined {
  const [, name] = /(?:^|[\\/])models--([\w.-]+)[\\/]snapshots[\\/][^\\/]+[\\/]?$/.exec(path) ?? [];
  const id = name?.split('--').join('/');
  return id !== undefined && /^[^/]+(\/[^/]+)?$/.test(id) ? id : undefined;
}

/** Names that are folders on a disk more often than owners of repositories. */
const FOLDERS =
  /^(app|build|checkpoints?|content|data|datasets?|dist|exp|experiments?|home|logs?|mnt|models?|my[-_]?models?|opt|outputs?|out|pretrained|results?|root|runs?|saved?([-_]?models?)?|tmp|train(ed|ing)?|usr|weights|workspace)$/i;

/**
 * A `_name_or_path` as an identifier: it has an owner and follows the Hub's rules for names. What looks like a folder, such as `models/base` or
 * `someone/checkpoint-500`, is not taken for one: a card without a base model can be completed, and a wrong one misleads.
 */
function hubIdAsNamed(name: string): string | undefined {
  const [, owner, repository] = /^([A-Za-z0-9][\w.-]{0,95})\/([A-Za-z0-9_][\w.-]{0,95})$/.exec(name) ?? [];
  if (owner === undefined || repository === undefined) return undefined;
  if (/--|\.\.|[.-]$|\.(git|json|safetensors|bin|pt)$/.test(owner) || /--|\.\.|[.-]$|\.git$/.test(repository))
    return undefined;
  return FOLDERS.test(owner) || /^checkpoint([-_]\d+)?$/i.test(repository) ? undefined : name;
}

/** The keys of a card's front matter that state a licence. */
export function licenseIn(card: string): License | undefined {
  const [, yaml] = /^\uFEFF?---\r?\n([^]*?)\r?\n---[ \t]*(\r?\n|$)/.exec(card) ?? [];
  if (yaml === undefined) return undefined;
  const values = yamlIn(yaml);
  if (!isObject(values)) return undefined;
  const isText = (value: unknown): value is string => typeof value === 'string' && /^[^\p{Cc}]{1,500}$/u.test(value);
  const { license } = values;
  if (!isText(license) && !(Array.isArray(license) && license.length > 0 && license.every(isText))) return undefined;
  const details = ['license_name', 'license_link'].flatMap((key) => (isText(values[key]) ? [[key, values[key]]] : []));
  return { license: license, ...(Object.fromEntries(details) as Record<string, string>) };
}

function yamlIn(text: string): unknown {
  try {
    return parse(text, { logLevel: 'silent', maxAliasCount: 0 });
  } catch {
    return undefined; // It states nothing.
  }
}

/** A front matter is short; what follows it is not read. */
const READ = 64 * 1024;

async function beginning(file: string): Promise<string> {
  const handle = await open(file).catch(() => undefined);
  if (!handle) return '';
  try {
    if (!(await handle.stat()).isFile()) return '';
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(READ), 0, READ, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  } finally {
    await handle.close();
  }
}
