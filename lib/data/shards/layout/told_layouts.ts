/**
 * Which of the layouts that members tell is believed, when the home of a collection is gone.
 * @module
 */

import { DataError } from "../../errors.ts";
import type { ShardLayout } from "./layout.ts";
import type { LayoutSignatures } from "./layout_signature.ts";

/**
 * The newest layout of the home that most members tell: where a former home's is taken, those that kept it say that there is
 * a later one. What one member tells of a home that nobody else knows is no reason to believe it, and what it tells of that
 * home without its signature, where others have that, neither.
 * @param own what this node knows itself: that decides between two that are told as often
 * @throws DataError with code `OwnerAway` when as many tell this as that, or nobody what the home has signed
 */
export function mostTold(
  own: ShardLayout | undefined,
  told: readonly (ShardLayout | undefined)[],
  name: string,
  signatures: Pick<LayoutSignatures, "newestOf">,
): ShardLayout | undefined {
  const layouts = [own, ...told].filter((one) => one !== undefined);
  if (layouts.length === 0) return undefined;
  const byHome = [...Map.groupBy(layouts, ({ home }) => home).values()];
  const most = Math.max(...byHome.map(({ length }) => length));
  const leading = byHome.filter(({ length }) => length === most);
  const [first, second] = leading;
  const chosen = second === undefined ? first : leading.find((one) => own !== undefined && one.includes(own));
  if (chosen === undefined) {
    const homes = `${first?.[0]?.home} and ${second?.[0]?.home}`;
    throw new DataError("OwnerAway", `Cannot take ${name} over: members tell of it in different ways`, {
      hint: `${homes} are said to be its home; try again when more members answer.`,
    });
  }
  const newest = signatures.newestOf(chosen);
  if (newest !== undefined) return newest;
  throw new DataError("OwnerAway", `Cannot take ${name} over: its home has signed nothing of what is told`, {
    hint: "Try again when more members answer.",
  });
}
