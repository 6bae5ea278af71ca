import type { AxiosAdapter, InternalAxiosRequestConfig } from 'axios';
import type { WireRequest } from './attempt';
import type { Transport } from './transport';

/**
 * An axios adapter that takes address, method, headers and text from the request and gives the transport's result as
 * `data`, faults included, so that axios never makes an error of its own that would hold request and secrets.
 * Of axios's many other settings (proxy, redirects, decompression, timeouts) none exists here.
 */
export function nodeAdapter(transport: Transport): AxiosAdapter {
  return async function nodeHttpAdapter(config) {
    const result = await transport(wireRequest(config));
    const status = result.kind === 'answer' ? result.answer.status : 0;
    return { data: result, status, statusText: '', headers: {}, config };
  };
}

function wireRequest(config: InternalAxiosRequestConfig): WireRequest {
  const headers = Object.entries(config.headers.toJSON()).map(([name, value]) => [name, String(value)] as const);
  return {
    url: config.url ?? '',
    method: (config.method ?? 'get').toUpperCase(),
    headers: Object.fromEntries(headers),
    body: String(config.data ?? ''),
  };
}
