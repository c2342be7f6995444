// What users can import and its types, compared with test/public_api.txt. A change that is meant is accepted by `npm run accept:api`.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { packageRoot } from '../bindings/index.js';
import { parseApi, publicApi, renderApi } from './support/public_api.js';

const HINT = 'where this is meant, accept it by npm run accept:api and say so in CHANGELOG.md';

test('the public API is the accepted one', (t) => {
  const actual = publicApi(join(packageRoot(), 'dist', 'lib', 'index.d.ts'));
  const accepted = parseApi(readFileSync(join(packageRoot(), 'test', 'public_api.txt'), 'utf8'));
  const gone = [...accepted.keys()].filter((name) => !actual.has(name));
  const added = [...actual.keys()].filter((name) => !accepted.has(name));
  t.deepEqual({ gone, added }, { gone: [], added: [] }, HINT);
  for (const [name, text] of accepted) t.is(actual.get(name), text, `${name} changed; ${HINT}`);
});

/** The declarations of a small package, of which one file is given and the rest stands beside it. */
function apiOf(files: Record<string, string>): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'dfmerge-api-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return publicApi(join(folder, 'index.d.ts'));
}

const ENTRY = "export { Tool, type Settings } from './tool.js';\n";
const TOOL = `
/** Settings. */
export interface Settings { depth?: Depth }
type Depth = 1 | 2;
type Secret = string;
export declare class Tool { #hidden; private secret: Secret; constructor(settings: Settings); /** Runs. */ run(): void }
export {};
`;

test('what is reachable is told, and nothing of comments and private members', (t) => {
  const api = apiOf({ 'index.d.ts': ENTRY, 'tool.d.ts': TOOL });
  t.deepEqual([...api.keys()], ['Depth', 'Settings', 'Tool']);
  t.is(api.get('Tool'), 'export class Tool {\n    constructor(settings: Settings);\n    run(): void;\n}');
  t.is(api.get('Depth'), 'type Depth = 1 | 2;');
  t.deepEqual(parseApi(renderApi(api)), api);
});

test('a type that changes two steps away is noticed, and one that is no longer exported', (t) => {
  const before = apiOf({ 'index.d.ts': ENTRY, 'tool.d.ts': TOOL });
  const changed = apiOf({ 'index.d.ts': ENTRY, 'tool.d.ts': TOOL.replace('1 | 2', '1 | 3') });
  t.notDeepEqual(changed.get('Depth'), before.get('Depth'));
  const hidden = apiOf({ 'index.d.ts': "export { Tool } from './tool.js';\n", 'tool.d.ts': TOOL });
  t.notDeepEqual(hidden.get('Settings'), before.get('Settings'));
});
