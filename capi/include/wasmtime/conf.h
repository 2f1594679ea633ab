/**
 * \file wasmtime/conf.h
 *
 * \brief What of wasmtime's optional parts this library has.
 */

#ifndef WASMTIME_CONF_H
#define WASMTIME_CONF_H

#define WASMTIME_FEATURE_ASYNC
#define WASMTIME_FEATURE_COMPILER
#define WASMTIME_FEATURE_GC
#define WASMTIME_FEATURE_PARALLEL_COMPILATION
#define WASMTIME_FEATURE_THREADS
#define WASMTIME_FEATURE_WASI
#define WASMTIME_FEATURE_WAT

#endif  /* WASMTIME_CONF_H */
