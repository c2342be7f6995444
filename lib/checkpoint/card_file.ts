import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest } from '../core/manifest.js';

/** The name of a model card, in any model folder. */
export const CARD_FILE = 'README.md';

/** Whether a folder that dfmerge made has a README.md that dfmerge did not write: the user's own, which a new card must not push aside. */
export async function hasOwnCard(dir: string): Promise<boolean> {
  const found = await lstat(join(dir, CARD_FILE)).catch(() => undefined);
  if (!found) return false;
  const listed = await readManifest(dir);
  return typeof listed !== 'string' && !(CARD_FILE in listed);
}
