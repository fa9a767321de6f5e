/**
 * Names and addresses for tests.
 * @module
 */

import fc from "fast-check";
import { Cidr, IpAddress } from "../../net/mod.ts";
import { DomainName, MAX_NAME_BYTES } from "../domain_name.ts";

const anyLabel = fc.uint8Array({ minLength: 1, maxLength: 63 });
/** Names of any bytes, as long as names may be. */
export const anyName: fc.Arbitrary<DomainName> = fc.array(anyLabel, { maxLength: 6 }).map((labels) => {
  const wire = labels.flatMap((label) => [label.length, ...label]);
  return DomainName.fromWire(Uint8Array.from([...wire, 0]));
}).filter(({ wire }) => wire.length <= MAX_NAME_BYTES);

/** @throws Error when `text` is no name */
export function nameOf(text: string): DomainName {
  const name = DomainName.parse(text);
  if (name === undefined) throw new Error(`${text} is no name`);
  return name;
}

/** @throws Error when `text` is no address */
export function ipOf(text: string): IpAddress {
  const address = IpAddress.parse(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** @throws Error when `text` is no block */
export function cidrOf(text: string): Cidr {
  const cidr = Cidr.parse(text);
  if (cidr === undefined) throw new Error(`${text} is no block`);
  return cidr;
}
