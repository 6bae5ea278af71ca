import 'reflect-metadata';
import {
  Catch,
  Controller,
  Get,
  Module,
  Req,
  RequestMethod,
  type ArgumentsHost,
  type ExceptionFilter,
  type MiddlewareConsumer,
  type NestModule,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Request, Response } from 'express';
import session from 'express-session';
import { ConnectError, connectAuth, connectErrorHandler, connectOptionsFromEnv } from 'express-connect-auth';

const connect = connectAuth(connectOptionsFromEnv());

/** Without it the statuses are right too, but the answers are Nest's own, with the text for developers in them. */
@Catch(ConnectError)
class ConnectErrorFilter implements ExceptionFilter<ConnectError> {
  readonly #answer = connectErrorHandler();

  catch(error: ConnectError, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    this.#answer(error, http.getRequest<Request>(), http.getResponse<Response>(), http.getNext());
  }
}

@Controller()
class ProfileController {
  /** Guarded below. */
  @Get()
  async home(@Req() req: Request): Promise<{ readonly type: string }> {
    const { type } = await connect.getToken(req);
    return { type };
  }

  /** Not guarded: for a visitor without a connection the error goes through the filter. */
  @Get('profile')
  async profile(@Req() req: Request): Promise<unknown> {
    const { data } = await connect.client(req).get<{ readonly data: unknown }>('/me');
    return data.data;
  }
}

@Module({ controllers: [ProfileController] })
class AppModule implements NestModule, OnApplicationShutdown {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(connect.requireConnect()).forRoutes({ path: '/', method: RequestMethod.GET });
  }

  /** A refresh that ends here half-way would cost the visitor the connection. */
  onApplicationShutdown(): Promise<void> {
    return connect.close();
  }
}

async function bootstrap(): Promise<void> {
  const secret = process.env['SESSION_SECRET'];
  if (!secret) throw new Error('Set SESSION_SECRET to a long random text.');
  const app = await NestFactory.create<NestExpressApplication>(AppModule);
  // Behind a proxy that ends TLS: app.set('trust proxy', 1), or the cookie is never `secure`.
  app.use(
    session({
      secret,
      resave: false,
      saveUninitialized: false,
      cookie: { sameSite: 'lax', secure: 'auto' },
    }),
  );
  app.use(connect);
  app.useGlobalFilters(new ConnectErrorFilter());
  app.enableShutdownHooks(['SIGINT', 'SIGTERM']);
  await app.listen(process.env['PORT'] ?? 3000);
}

void bootstrap();
