import http from 'node:http';
import https from 'node:https';

// A fresh connection for every call: a kept one that the server has just closed would turn a create into "may have happened".
// `rejectUnauthorized` here beats NODE_TLS_REJECT_UNAUTHORIZED in the environment.
export const httpAgent = new http.Agent({ keepAlive: false });
export const httpsAgent = new https.Agent({ keepAlive: false, rejectUnauthorized: true });

/**
 * Tells whether the request may have left this machine: only then is its effect in doubt. A process that was stopped
 * between the check of its deadline and the first byte must not send either, so the clock is asked again once connected.
 */
export function watchedTransport(isLate: () => boolean) {
  let begun = false;
  return {
    begun: () => begun,
    transport: {
      request(options: https.RequestOptions, callback: (response: http.IncomingMessage) => void): http.ClientRequest {
        const secure = options.protocol === 'https:';
        const outgoing = (secure ? https : http).request(options, callback);
        // These listeners are older than those that write, so destroying here comes before the first byte.
        outgoing.once('socket', (socket) => {
          const connected = () => {
            if (isLate()) outgoing.destroy();
            else begun = true;
          };
          if (!socket.connecting) return connected();
          if (secure) socket.once('connect', () => isLate() && outgoing.destroy());
          socket.once(secure ? 'secureConnect' : 'connect', connected);
        });
        return outgoing;
      },
    },
  };
}
