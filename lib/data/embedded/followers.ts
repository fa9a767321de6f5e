/**
 * Who wants to hear of a collection or queue, by its name.
 * @module
 */

/** Calls back whoever follows a name. */
export class Followers {
  readonly #followers = new Map<string, Set<() => void>>();

  /** @returns what ends it */
  add(name: string, onChange: () => void): () => void {
    let followers = this.#followers.get(name);
    if (followers === undefined) this.#followers.set(name, followers = new Set());
    followers.add(onChange);
    return () => {
      followers.delete(onChange);
      if (followers.size === 0 && this.#followers.get(name) === followers) this.#followers.delete(name);
    };
  }

  tell(name: string): void {
    for (const onChange of [...this.#followers.get(name) ?? []]) onChange();
  }

  tellAll(): void {
    for (const name of [...this.#followers.keys()]) this.tell(name);
  }
}
