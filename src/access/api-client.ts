import {
  Axios,
  CanceledError,
  isAxiosError,
  isCancel,
  mergeConfig,
  type AxiosInstance,
  type AxiosRequestConfig,
  type AxiosResponse,
  type CreateAxiosDefaults,
} from 'axios';
import { emitApiCall, emitFailure } from '../errors/emit';
import { isConnectError } from '../errors/connect-error';
import { ownOnly } from '../base/own';
import { apiAdapter, type ApiChannel, type VisitorToken } from '../provider/api/api-adapter';
import type { Config } from '../options/read';
import { writeBody } from '../provider/api/api-body';
import { apiCallRefused } from '../provider/api/api-refusal';
import { apiAddressCheck } from '../provider/api/api-url';
import { nodeTransport } from '../provider/http/transport';
import { readLabel } from '../session/connect-token';
import type { ApiRefusals } from './api-refusals';

/** The options that API calls need. */
export interface ApiClientConfig extends Pick<Config, ClientOptions> {
  /** What is known about tokens that the API refuses. */
  readonly refusals?: Pick<ApiRefusals, 'inVain'> | undefined;
}

type ClientOptions =
  | 'apiBaseUrl'
  | 'timeoutMs'
  | 'maxApiAnswerBytes'
  | 'agent'
  | 'accessTokenKey'
  | 'statusByApiCode'
  | 'loginUrl'
  | 'onEvent';

/**
 * An axios instance that acts as one visitor, for one request of theirs. It has its own interceptors and `defaults`.
 *
 * A call uses these settings: `url`, `baseURL`, `params`, `paramsSerializer`, `method`, `headers`, `data`,
 * `transformRequest`, `transformResponse`, `responseType` (`json`, `text`, `arraybuffer`), `timeout` (milliseconds for
 * the whole call; besides, each sending is limited to `timeoutMs`), `signal` and `validateStatus`: if it accepts the
 * status of an answer other than 2xx, the call resolves with that answer, body included; a 401 causes one refresh
 * first. All other settings of axios (`proxy`, `maxRedirects`, `auth`, agents, progress …) have no effect. An `adapter`
 * of your app replaces the one of this package: then nothing is signed.
 */
export interface ConnectClient extends AxiosInstance {
  // Types of this package throughout: declarations of an app can name them where a package manager hides axios from it.
  /** As `request`. */
  <T = UncheckedBody, R = ConnectResponse<T>, D = UncheckedBody>(config: AxiosRequestConfig<D>): Promise<R>;
  /** As `get`, unless the settings name another method. */
  <T = UncheckedBody, R = ConnectResponse<T>, D = UncheckedBody>(
    url: string,
    config?: AxiosRequestConfig<D>,
  ): Promise<R>;
  /** Another client of the same visitor, with further defaults. */
  create(config?: CreateAxiosDefaults): ConnectClient;
  /** Any method: `url`, `method` and `data` are in the settings. */
  request: <T = UncheckedBody, R = ConnectResponse<T>, D = UncheckedBody>(config: AxiosRequestConfig<D>) => Promise<R>;
  /** `GET` */
  get: ConnectCall;
  /** `DELETE` */
  delete: ConnectCall;
  /** `HEAD`: the answer has status and headers, no body. */
  head: ConnectCall;
  /** `OPTIONS` */
  options: ConnectCall;
  /** `POST` */
  post: ConnectCallWithBody;
  /** `PUT` */
  put: ConnectCallWithBody;
  /** `PATCH` */
  patch: ConnectCallWithBody;
  /** `QUERY`: a safe request with a body. */
  query: ConnectCallWithBody;
  /** `POST` as multipart/form-data, objects included; files as Blobs. */
  postForm: ConnectCallWithBody;
  /** `PUT` as multipart/form-data. */
  putForm: ConnectCallWithBody;
  /** `PATCH` as multipart/form-data. */
  patchForm: ConnectCallWithBody;
}

/** Makes a client for the visitor or user of `token`. @param ownerNow - their name for events, if they have one */
export type ClientFor = (token: VisitorToken, ownerNow?: () => string | undefined) => ConnectClient;

type OnFailure = (error: unknown) => void;

/** As in axios: nothing checks that the body is what the caller says it is. */
type UncheckedBody = AxiosResponse['data'];

/** What a call of a ConnectClient resolves with. `T` is the type of the parsed body, unchecked as with axios. */
export interface ConnectResponse<T = UncheckedBody> extends AxiosResponse<T> {
  /** The body: parsed if it is JSON, else text; for `responseType: 'arraybuffer'` a Buffer. */
  data: T;
}

/** A method without a body. `R` is for apps whose interceptors return something other than the answer. */
export type ConnectCall = <T = UncheckedBody, R = ConnectResponse<T>, D = UncheckedBody>(
  url: string,
  config?: AxiosRequestConfig<D>,
) => Promise<R>;

/** A method with a body: JSON, text, URLSearchParams, a global FormData, a Blob or bytes. */
export type ConnectCallWithBody = <T = UncheckedBody, R = ConnectResponse<T>, D = UncheckedBody>(
  url: string,
  data?: D,
  config?: AxiosRequestConfig<D>,
) => Promise<R>;

/** The methods that axios.create() puts on an instance: `request`, `get`, `post` and whatever else this axios has. */
const METHODS = Object.getOwnPropertyNames(Axios.prototype).filter(
  (name) => !['constructor', '_request', 'getUri'].includes(name),
);

/**
 * Makes clients, which call the Connect API with a fresh token. All clients share one pool of kept connections.
 *
 * A call rejects with a ConnectError of stage `api` by the table of API codes, with what `getToken` throws, or with
 * axios's CanceledError after `signal`. When the API refuses the token, `getToken` is asked once, and if it gives
 * another token, the call is repeated once; the session keeps its token whatever the result.
 */
export function apiClients(settings: ApiClientConfig): ClientFor {
  const config = ownOnly(settings);
  const channel: ApiChannel = {
    transport: nodeTransport(config, config.maxApiAnswerBytes),
    checkedAddress: apiAddressCheck(config.apiBaseUrl),
    accessTokenKey: config.accessTokenKey,
    statusByApiCode: config.statusByApiCode,
    loginUrl: config.loginUrl,
    onRefusedAgain: config.refusals?.inVain,
  };

  return function clientFor(token, ownerNow = () => undefined) {
    const onCall: ApiChannel['onCall'] = (call) => {
      emitApiCall(config.onEvent, call, () => ({
        connectionId: readLabel(call.token.connection)?.connectionId,
        owner: ownerNow(),
      }));
    };
    const onFailure: OnFailure = (error) => emitFailure(config.onEvent, error, ownerNow());
    return instance(clientDefaults(config.apiBaseUrl, apiAdapter({ ...channel, onCall }, token)), onFailure);
  };
}

/** Fresh ones for each client: if an app changes them, no other visitor is affected. */
function clientDefaults(baseURL: string, adapter: ReturnType<typeof apiAdapter>): CreateAxiosDefaults {
  const headers = { common: {}, delete: {}, get: {}, head: {}, options: {}, post: {}, put: {}, patch: {} };
  return { baseURL, adapter, headers, transformRequest: [writeBody], transformResponse: [] };
}

/** Does what axios.create() does without the defaults and interceptors that the whole process shares. */
function instance(defaults: CreateAxiosDefaults, onFailure: OnFailure): ConnectClient {
  const context = new Axios(defaults as ConstructorParameters<typeof Axios>[0]);
  const client = guarded(context, 'request', onFailure) as Call & Record<string, unknown>;
  for (const name of METHODS) client[name] = guarded(context, name, onFailure);
  return Object.assign(client, {
    getUri: context.getUri.bind(context),
    defaults: context.defaults,
    interceptors: context.interceptors,
    create: (more: CreateAxiosDefaults = {}) =>
      instance(mergeConfig(defaults as object, more as object) as CreateAxiosDefaults, onFailure),
  }) as unknown as ConnectClient;
}

type Call = (...args: unknown[]) => Promise<unknown>;

/** A method of axios that rejects with errors fit to be logged, and reports those that no `api_call` has reported. */
function guarded(context: InstanceType<typeof Axios>, name: string, onFailure: OnFailure): Call {
  const method = (context as unknown as Record<string, Call>)[name];
  return async function call(...args) {
    try {
      return await method?.apply(context, args);
    } catch (thrown) {
      const error = withoutSettings(thrown);
      onFailure(error);
      throw error;
    }
  };
}

/** Errors that axios makes itself hold the settings of the call. Errors of the app's interceptors are passed on. */
function withoutSettings(error: unknown): unknown {
  if (isConnectError(error)) return error;
  if (isCancel(error)) return new CanceledError();
  const isAxioses = isAxiosError(error) && error.response === undefined && error.request === undefined;
  return isAxioses ? apiCallRefused('request') : error;
}
