import http from 'node:http';
import https from 'node:https';

// A fresh connection for every call: a kept one that the server has just closed would turn a create into "may have happened".
// `rejectUnauthorized` here beats NODE_TLS_REJECT_UNAUTHORIZED in the environment.
export const httpAgent = new http.Agent({ keepAlive: false });
export const httpsAgent = new https.Agent({ keepAlive: false, rejectUnauthorized: true });

/** Tells whether the request may have left this machine: only then is its effect in doubt. */
export function watchedTransport() {
  let begun = false;
  return {
    begun: () => begun,
    transport: {
      request(options: https.RequestOptions, callback: (response: http.IncomingMessage) => void): http.ClientRequest {
        const secure = options.protocol === 'https:';
        const outgoing = (secure ? https : http).request(options, callback);
        outgoing.once('socket', (socket) => {
          if (!socket.connecting) begun = true;
          else socket.once(secure ? 'secureConnect' : 'connect', () => (begun = true));
        });
        return outgoing;
      },
    },
  };
}
