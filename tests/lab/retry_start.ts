/**
 * Starting wireguard-go in spite of its race.
 * @module
 */

/**
 * wireguard-go loses its own socket when somebody's `wg` looks at it between its binding and its listening (it removes
 * what refuses connections) or its garbage collector runs then (the closed listener unlinks the path); it then ends by
 * itself with this message.
 */
const LOST_SOCKET = "Failed to listen on uapi socket";
const ATTEMPTS = 4;

/** @returns what `start` gave, started again when wireguard-go has lost its socket */
export async function retryStart<T>(start: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await start();
    } catch (error) {
      const isLost = error instanceof Error && error.message.includes(LOST_SOCKET);
      if (!isLost || attempt === ATTEMPTS) throw error;
    }
  }
}
