// Accepts the public API as it is now: npm run accept:api
// Writes test/public_api.txt, which test/public_api.test.ts compares with what the package declares; commit it with the change.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { publicApi, renderApi } from '../dist/test/support/public_api.js';

const path = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const api = publicApi(path('dist/lib/index.d.ts'));
writeFileSync(path('test/public_api.txt'), renderApi(api));
console.log(`test/public_api.txt: ${api.size} declarations`);
