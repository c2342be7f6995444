// The command line, in which every slice of work is over at once, and which sends itself SIGINT at the rest of number $STOP_AT_REST.
import { Pace } from '../../lib/core/pace.js';

const at = Number(process.env.STOP_AT_REST);
const { rest } = Object.getOwnPropertyDescriptors(Pace.prototype);
const original = rest.value as (this: Pace) => Promise<void>;
let rests = 0;
Object.defineProperty(Pace.prototype, 'isOver', { get: () => true });
Pace.prototype.rest = function (this: Pace): Promise<void> {
  if (++rests === at) process.kill(process.pid, 'SIGINT');
  return original.call(this);
};
await import('../../lib/cli/main.js');
