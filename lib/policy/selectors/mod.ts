/**
 * Selectors: who is meant, written as an expression, read by recursive descent. Nothing is evaluated as code.
 *
 * ```text
 *   selector   any-of
 *   any-of     all-of  { "||" all-of }
 *   all-of     term    { ( "&&" | "," ) term }
 *   term       "(" any-of ")"  |  "!" ( "(" any-of ")" | simple )  |  simple  |  comparison
 *   simple     "*"  |  KEY  |  ADDRESS  |  ADDRESS/BITS  |  "service:" PATH  |  "role:" ROLE
 *                 |  "group:" NAME  |  "network:" NAME                           (in policies)
 *   comparison ( KEY | "name" )  ( ( "=" | "!=" ) VALUE  |  ( "in" | "notin" ) "(" VALUE { "," VALUE } ")" )
 * ```
 *
 * @module
 */

export * from "./selector.ts";
