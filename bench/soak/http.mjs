import http from 'node:http';

/** One request over a socket of its own or of `agent`; redirects are not followed. Rejects when the other side breaks off. */
export function send(url, { method = 'GET', headers = {}, body, agent = false } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text }));
      response.on('error', reject);
      response.on('aborted', () => reject(new Error('broken off')));
    });
    request.on('error', reject);
    request.end(body);
  });
}
