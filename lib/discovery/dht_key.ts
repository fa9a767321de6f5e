/**
 * The key under which a network is found in the DHT.
 * @module
 */

import { decodeHex, utf8Bytes } from "../base/mod.ts";
import { blake2s, blake2sMac } from "../crypto/mod.ts";
import { DHT_ID_BYTES } from "./krpc.ts";

const NETWORK_ID_BYTES = 16;

/**
 * `BLAKE2s(key = BLAKE2s("weft dht v1" | network id), day)`, cut to 20 bytes. Only who knows the network's id, which
 * members and tokens do, can find the key of a day; it leads neither back to the id nor to the key of another day.
 *
 * @param networkId 32 hexadecimal digits
 * @param day days since 1970 in UTC
 * @returns 20 bytes
 * @throws RangeError when the network's id is none, or the day is no whole number
 */
export function dhtKey(networkId: string, day: number): Uint8Array {
  const id = decodeHex(networkId);
  if (id?.length !== NETWORK_ID_BYTES) {
    throw new RangeError(
      `Cannot look for ${JSON.stringify(networkId)}: a network's id has 32 hexadecimal digits`,
    );
  }
  const dayBytes = new Uint8Array(8);
  new DataView(dayBytes.buffer).setBigUint64(0, BigInt(day));
  return blake2sMac(blake2s(utf8Bytes("weft dht v1"), id), 32, dayBytes).slice(0, DHT_ID_BYTES);
}
