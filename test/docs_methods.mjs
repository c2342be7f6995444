// Writes the table of merge methods that docs/recipe.md shows, between its two marks, from the registry. Run by `npm run docs:methods`.
import { readFileSync, writeFileSync } from 'node:fs';
import { methodsTable } from '../dist/lib/methods/reference.js';

const file = new URL('../docs/recipe.md', import.meta.url);
const marked = /(<!-- methods: .*? -->\n)[^]*?(\n<!-- end of methods -->)/;
const text = readFileSync(file, 'utf8');
if (!marked.test(text)) throw new Error('docs/recipe.md lacks the marks around the table of methods');
writeFileSync(
  file,
  text.replace(marked, (_, begin, end) => `${begin}\n${methodsTable()}\n${end}`),
);
