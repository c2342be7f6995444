// A demo with hardly any work: node tiny_demo.js FOLDER
import { demo } from '../../lib/demo/demo.js';
import { TINY } from '../support/tiny_plan.js';

const onWarning = (message: string) => void process.stderr.write(`warning: ${message}\n`);
await demo({ out: process.argv[2], plan: TINY, overwrite: true, threads: 1, onWarning });
