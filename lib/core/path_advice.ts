import { homedir } from 'node:os';
import { join } from 'node:path';

/** What a model of the Hugging Face hub is called: an owner and a name, with nothing in it that only a path has. */
const HUB_ID = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

/** Whether a path begins with the home folder as shells spell it. */
export function isTilde(written: string): boolean {
  return /^~($|[/\\])/.test(written);
}

/** What to say where nothing lies at a path that begins with `~`; '' for any other path. It goes on from "no such file or folder". */
export function tildeAdvice(written: string): string {
  return isTilde(written)
    ? `; "~" is expanded by a shell, where it is not quoted, and not here: write ${join(homedir(), written.slice(2))}`
    : '';
}

/**
 * What to say where no folder lies at a model's path: what tildeAdvice says and, for an identifier of the Hugging Face hub, how to download it.
 * @param written the path as the user wrote it
 */
export function modelAdvice(written: string): string {
  if (isTilde(written) || !HUB_ID.test(written)) return tildeAdvice(written);
  const folder = written.slice(written.indexOf('/') + 1);
  return (
    `; models are read from folders. If this is one of the Hugging Face hub, download it first with ` +
    `"hf download ${written} --local-dir ${folder}" (pip install huggingface_hub) and give ${folder}`
  );
}
