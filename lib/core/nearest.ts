import leven from 'leven';

/** The name that `given` was most likely meant to be: the nearest within a third of its length, or nothing. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const name of names) {
    const distance = typingDistance(given.toLowerCase(), name.toLowerCase());
    if (distance <= Math.max(1, Math.floor(name.length / 3)) && distance < (best?.distance ?? Infinity))
      best = { name, distance };
  }
  return best?.name;
}

/** The Levenshtein distance, where two neighbours in each other's place are one mistake. */
function typingDistance(given: string, name: string): number {
  for (let i = 0; given.length === name.length && i + 1 < name.length; i++)
    if (given === `${name.slice(0, i)}${name[i + 1]}${name[i]}${name.slice(i + 2)}` && given !== name) return 1;
  return leven(given, name);
}
