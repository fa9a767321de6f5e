/**
 * `weft wg IFNAME`. `entry.ts` imports `wg_order.ts` itself, so that a process that stays for an interface loads no other
 * command.
 * @module
 */

export { addWgCommand, withoutWgQuick } from "./wg_command.ts";
