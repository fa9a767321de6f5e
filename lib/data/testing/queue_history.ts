/**
 * Whether what pushers and workers of a queue have seen keeps what queues promise.
 * @module
 */

/** A push, as its program has seen it. */
export interface PushedMessage {
  /** Under which it was pushed. */
  readonly id: string;
  readonly orderKey: string | undefined;
  /** As it was answered; undefined when there was no answer, and it may be there or not. */
  readonly number: number | undefined;
}

/** What a handler's transaction has written. */
export interface Effect {
  /** Of the message. */
  readonly id: string;
  /** How often it was written. */
  readonly count: number;
  /** Of the last write: which comes after which. */
  readonly revision: number;
}

/** What was seen of one queue. */
export interface QueueHistory {
  readonly pushes: readonly PushedMessage[];
  /** Ids in the order in which handlers were begun, those that come again too. */
  readonly begun: readonly string[];
  /** Of those that are acknowledged by a transaction. */
  readonly effects: readonly Effect[];
  /** Ids of messages whose handlers only return, for each time one has. */
  readonly returned: readonly string[];
  /** Ids of dead letters. */
  readonly dead: readonly string[];
  /** Ids of messages that are still there. */
  readonly left: readonly string[];
  /** Whether effects are written by another owner than the queue's, so that a message may outlive its effect. */
  readonly isApart?: boolean;
}

/**
 * Checks that nothing was lost, nothing came that nobody pushed, no transaction of a message has happened twice, and those of
 * one order key happened in the order of their pushes.
 * @param isTransactional whether a message is acknowledged by a transaction
 * @returns the first thing that is wrong; undefined when nothing is
 */
export function whyNotKept(
  history: QueueHistory,
  isTransactional: (id: string) => boolean,
): string | undefined {
  const { pushes, begun, effects, returned, dead, left, isApart = false } = history;
  const pushed = new Map(pushes.map((push) => [push.id, push]));
  const effect = new Map(effects.map((one) => [one.id, one]));
  const stranger = [...begun, ...effect.keys(), ...dead, ...left].find((id) => !pushed.has(id));
  if (stranger !== undefined) return `${stranger} came, and nobody pushed it`;
  const twice = effects.find(({ count }) => count !== 1);
  if (twice !== undefined) return `${twice.id} was written ${twice.count} times`;
  const [isDead, isLeft, isReturned] = [new Set(dead), new Set(left), new Set(returned)];
  for (const { id, number } of pushes) {
    const isDone = isTransactional(id) ? effect.has(id) : isReturned.has(id);
    const isKept = isDead.has(id) || isLeft.has(id);
    if (number !== undefined && !isDone && !isKept) return `${id} was lost`;
    if (!isApart && isTransactional(id) && isDone && isKept) return `${id} was done, and is still there`;
  }
  const ordered = Map.groupBy(
    pushes.filter(({ orderKey, number, id }) =>
      orderKey !== undefined && number !== undefined && effect.has(id)
    ),
    ({ orderKey }) => orderKey,
  );
  for (const [key, messages] of ordered) {
    const byNumber = messages.toSorted((a, b) => (a.number ?? 0) - (b.number ?? 0));
    for (const [i, { id }] of byNumber.entries()) {
      const before = byNumber[i - 1];
      if (before === undefined) continue;
      if ((effect.get(before.id)?.revision ?? 0) > (effect.get(id)?.revision ?? 0)) {
        return `of ${key}, ${id} was done before ${before.id}, which was pushed before it`;
      }
    }
  }
  return undefined;
}
