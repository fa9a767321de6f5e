/**
 * Following what two engines tell, of which one may be there, or be another one, later.
 * @module
 */

/** Of an engine, follows what is named. @returns a function that ends that */
export type Follow<Engine> = (engine: Engine) => () => void;

/** Who follows the own engine and the shared one. */
export class SharedFollows<Engine> {
  readonly #own: Engine;
  readonly #shared: () => Engine | undefined;
  readonly #follows = new Set<{ readonly follow: Follow<Engine>; end: () => void }>();

  /** @param shared as it is now; undefined when there is none */
  constructor(own: Engine, shared: () => Engine | undefined) {
    this.#own = own;
    this.#shared = shared;
  }

  /** @returns a function that ends it */
  add(follow: Follow<Engine>): () => void {
    const endOwn = follow(this.#own);
    const each = { follow, end: this.#begin(follow) };
    this.#follows.add(each);
    return () => {
      endOwn();
      this.#follows.delete(each);
      each.end();
    };
  }

  /** The shared engine is another one now. */
  handleShared(): void {
    for (const each of this.#follows) {
      each.end();
      each.end = this.#begin(each.follow);
    }
  }

  #begin(follow: Follow<Engine>): () => void {
    const shared = this.#shared();
    return shared === undefined ? () => {} : follow(shared);
  }
}
