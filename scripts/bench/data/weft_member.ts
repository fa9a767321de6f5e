/**
 * A member that has shards of what `weft.ts` measures: `weft_member.ts STATE_DIR NAME TOKEN`. It ends with its standard input.
 * @module
 */

import { Node } from "../../../mod.ts";

const [stateDir = "", name = "", token = ""] = Deno.args;
const node = await Node.join(token, { name, stateDir });
await Deno.stdout.write(new TextEncoder().encode("{}\n"));
for await (const _ of Deno.stdin.readable);
await node.stop();
Deno.exit(0);
