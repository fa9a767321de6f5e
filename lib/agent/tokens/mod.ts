/**
 * Tokens of a running leader: those that an operator makes, and the one that it shows at its start.
 * @module
 */

export { type StartToken, startTokenOf, tokenOperations, tokenReport } from "./token_operations.ts";
