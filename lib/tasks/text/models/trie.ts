/** A set of strings with a number each, for finding all that a text goes on with at a place. */
export class Trie {
  // Nodes are numbered from 0, the root. The edges are an open-addressed table of (node, unit) and where they lead to.
  #mask: number;
  #node: Int32Array;
  #unit: Int32Array;
  #child: Int32Array;
  #value: Int32Array;
  #nodes = 1;

  constructor(expectedNodes = 1024) {
    const slots = 2 ** Math.ceil(Math.log2(2 * Math.max(expectedNodes, 16)));
    this.#mask = slots - 1;
    this.#node = new Int32Array(slots).fill(-1);
    this.#unit = new Int32Array(slots);
    this.#child = new Int32Array(slots);
    this.#value = new Int32Array(slots).fill(-1);
  }

  /** Adds a string; a later value replaces an earlier one. Values are integers from 0. */
  set(text: string, value: number): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      let slot = this.#slot(node, unit);
      if (this.#node[slot] === -1) {
        if (2 * this.#nodes > this.#mask) {
          this.#grow();
          slot = this.#slot(node, unit);
        }
        this.#node[slot] = node;
        this.#unit[slot] = unit;
        this.#child[slot] = this.#nodes++;
      }
      node = this.#child[slot];
    }
    this.#value[node] = value;
  }

  /** The node behind `node` on a UTF-16 unit, or -1. */
  step(node: number, unit: number): number {
    const slot = this.#slot(node, unit);
    return this.#node[slot] === -1 ? -1 : this.#child[slot];
  }

  /** The value of the string that ends at `node`, or -1. */
  valueAt(node: number): number {
    return this.#value[node];
  }

  #slot(node: number, unit: number): number {
    let slot = (Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b)) >>> 7;
    for (slot &= this.#mask; this.#node[slot] !== -1; slot = (slot + 1) & this.#mask)
      if (this.#node[slot] === node && this.#unit[slot] === unit) break;
    return slot;
  }

  #grow(): void {
    const old = { node: this.#node, unit: this.#unit, child: this.#child, value: this.#value };
    const slots = 2 * old.node.length;
    this.#mask = slots - 1;
    this.#node = new Int32Array(slots).fill(-1);
    this.#unit = new Int32Array(slots);
    this.#child = new Int32Array(slots);
    this.#value = new Int32Array(slots).fill(-1);
    this.#value.set(old.value);
    for (const [i, node] of old.node.entries()) {
      if (node === -1) continue;
      const slot = this.#slot(node, old.unit[i]);
      this.#node[slot] = node;
      this.#unit[slot] = old.unit[i];
      this.#child[slot] = old.child[i];
    }
  }
}
