/**
 * A node in a page of a browser.
 * @module
 */

export { type PageLink, PageNode, type PageNodeOptions } from "./page_node.ts";
export type { OpenSocket, PageSocket } from "./web_socket_dial.ts";
