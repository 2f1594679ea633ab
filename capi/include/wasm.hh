/**
 * \file wasm.hh
 *
 * \brief The standard C++ API of WebAssembly: classes over wasm.h, which has the rules.
 *
 * Names and signatures are those of the WebAssembly community's `wasm.hh`. Everything is inline, so
 * that programs need the C library only. Objects of the classes are never made: pointers to them are
 * the C library's pointers under another type, and `own` deletes what they point to.
 */

#ifndef WASM_HH
#define WASM_HH

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include <wasm.h>

namespace wasm {

/* ---- Ownership ---- */

class destroyer {
 public:
  template <class T>
  void operator()(T* object) {
    object->destroy();
  }
};

/** What is pointed to is deleted with the pointer. */
template <class T>
using own = std::unique_ptr<T, destroyer>;

template <class T>
own<T> make_own(T* object) {
  return own<T>(object);
}

/** A vector of fixed size, laid out like C's. Invalid ones stand for failure. */
template <class T>
class vec {
  static const size_t invalid_size = SIZE_MAX;

  size_t size_;
  T* data_;

  vec(size_t size, T* data) : size_(size), data_(data) {}

 public:
  using elem_type = T;

  vec(vec&& that) : size_(that.size_), data_(that.data_) {
    that.size_ = invalid_size;
    that.data_ = nullptr;
  }

  ~vec() { delete[] data_; }

  operator bool() const { return size_ != invalid_size; }

  auto size() const -> size_t { return size_; }
  auto get() const -> const T* { return data_; }
  auto get() -> T* { return data_; }

  auto release() -> T* {
    T* data = data_;
    size_ = invalid_size;
    data_ = nullptr;
    return data;
  }

  void reset() { delete[] release(); }

  void reset(vec& that) {
    size_t size = that.size_;
    T* data = that.release();
    delete[] data_;
    size_ = size;
    data_ = data;
  }

  auto operator=(vec&& that) -> vec& {
    reset(that);
    return *this;
  }

  auto operator[](size_t i) -> T& {
    assert(i < size_);
    return data_[i];
  }

  auto operator[](size_t i) const -> const T& {
    assert(i < size_);
    return data_[i];
  }

  auto copy() const -> vec {
    auto result = make_uninitialized(size_);
    for (size_t i = 0; result && i < size_; i++) result.data_[i] = data_[i];
    return result;
  }

  auto deep_copy() const -> vec {
    auto result = make_uninitialized(size_);
    for (size_t i = 0; result && i < size_; i++) result.data_[i] = data_[i]->copy();
    return result;
  }

  static auto make_uninitialized(size_t size = 0) -> vec {
    if (size == 0 || size == invalid_size) return vec(size, nullptr);
    T* data = new (std::nothrow) T[size];
    return data ? vec(size, data) : invalid();
  }

  static auto make(size_t size, T init[]) -> vec {
    auto result = make_uninitialized(size);
    for (size_t i = 0; result && i < size; i++) result.data_[i] = std::move(init[i]);
    return result;
  }

  static auto make(std::string text) -> vec<char> { return vec<char>::make(text.size(), &text[0]); }

  /** With the null character. */
  static auto make_nt(std::string text) -> vec<char> {
    return vec<char>::make(text.size() + 1, &text[0]);
  }

  static auto make() -> vec { return vec(0, nullptr); }

  template <class... Ts>
  static auto make(Ts&&... elements) -> vec {
    T data[] = {std::forward<Ts>(elements)...};
    return make(sizeof...(Ts), data);
  }

  /** Takes over an array from `new[]`. */
  static auto adopt(size_t size, T data[]) -> vec { return vec(size, data); }

  static auto invalid() -> vec { return vec(invalid_size, nullptr); }
};

template <class T>
using ownvec = vec<own<T>>;

/* ---- The C library's objects under the classes' names ---- */

namespace detail {

template <class To, class From>
inline To* as(From* object) {
  using Plain = typename std::remove_const<From>::type;
  return reinterpret_cast<To*>(const_cast<Plain*>(object));
}

template <class To, class From>
inline own<To> take(From* object) {
  return own<To>(reinterpret_cast<To*>(object));
}

template <class To, class From>
inline const To& see(const From* object) {
  return *reinterpret_cast<const To*>(object);
}

/** Moves the elements of a vector of C's. */
template <class T, class Vec>
inline ownvec<T> take_all(Vec* from, void (*free_vec)(Vec*)) {
  auto result = ownvec<T>::make_uninitialized(from->size);
  for (size_t i = 0; result && i < from->size; i++) {
    result[i] = take<T>(from->data[i]);
    from->data[i] = nullptr;
  }
  free_vec(from);
  return result;
}

inline vec<byte_t> take_bytes(wasm_byte_vec_t* from) {
  auto result = vec<byte_t>::make(from->size, from->data);
  wasm_byte_vec_delete(from);
  return result;
}

inline wasm_byte_vec_t give_bytes(const vec<byte_t>& bytes) {
  wasm_byte_vec_t result;
  wasm_byte_vec_new(&result, bytes ? bytes.size() : 0, bytes.get());
  return result;
}

/** Bytes that C only looks at. */
inline wasm_byte_vec_t lend_bytes(const vec<byte_t>& bytes) {
  wasm_byte_vec_t result;
  result.size = bytes ? bytes.size() : 0;
  result.data = const_cast<byte_t*>(bytes.get());
  return result;
}

}  // namespace detail

#define WASM_CLASS(name) \
  friend class destroyer; \
 protected: \
  name() = default; \
  ~name() = default; \
 public:

#define WASM_DESTROY(c_name) \
  void destroy() { wasm_##c_name##_delete(detail::as<wasm_##c_name##_t>(this)); }

#define WASM_COPY(name, c_name) \
  auto copy() const -> own<name> { \
    return detail::take<name>(wasm_##c_name##_copy(detail::as<const wasm_##c_name##_t>(this))); \
  }

/* ---- Configurations, engines, stores ---- */

class Config {
  WASM_DESTROY(config)
  WASM_CLASS(Config)
  static auto make() -> own<Config> { return detail::take<Config>(wasm_config_new()); }
};

class Engine {
  WASM_DESTROY(engine)
  WASM_CLASS(Engine)
  static auto make(own<Config>&& config = Config::make()) -> own<Engine> {
    auto c = detail::as<wasm_config_t>(config.release());
    return detail::take<Engine>(wasm_engine_new_with_config(c));
  }
};

class Store {
  WASM_DESTROY(store)
  WASM_CLASS(Store)
  static auto make(Engine* engine) -> own<Store> {
    return detail::take<Store>(wasm_store_new(detail::as<wasm_engine_t>(engine)));
  }
};

/* ---- Types ---- */

enum class Mutability : uint8_t { CONST, VAR };

struct Limits {
  uint32_t min;
  uint32_t max;

  Limits(uint32_t min, uint32_t max = std::numeric_limits<uint32_t>::max()) : min(min), max(max) {}
};

static_assert(sizeof(Limits) == sizeof(wasm_limits_t), "limits are C's");

enum class ValKind : uint8_t { I32, I64, F32, F64, EXTERNREF = 128, FUNCREF };

inline bool is_num(ValKind k) { return k < ValKind::EXTERNREF; }
inline bool is_ref(ValKind k) { return k >= ValKind::EXTERNREF; }

class ValType {
  WASM_DESTROY(valtype)
  WASM_CLASS(ValType)
  WASM_COPY(ValType, valtype)
  static auto make(ValKind kind) -> own<ValType> {
    return detail::take<ValType>(wasm_valtype_new(static_cast<wasm_valkind_t>(kind)));
  }
  auto kind() const -> ValKind {
    return static_cast<ValKind>(wasm_valtype_kind(detail::as<const wasm_valtype_t>(this)));
  }
  auto is_num() const -> bool { return wasm::is_num(kind()); }
  auto is_ref() const -> bool { return wasm::is_ref(kind()); }
};

static_assert(sizeof(ownvec<ValType>) == sizeof(wasm_valtype_vec_t), "vectors are C's");

enum class ExternKind : uint8_t { FUNC, GLOBAL, TABLE, MEMORY };

class FuncType;
class GlobalType;
class TableType;
class MemoryType;

class ExternType {
  WASM_DESTROY(externtype)
  WASM_CLASS(ExternType)
  WASM_COPY(ExternType, externtype)
  auto kind() const -> ExternKind { return static_cast<ExternKind>(wasm_externtype_kind(c())); }

#define WASM_AS_TYPE(name, method, c_name) \
  auto method() -> name* { \
    return detail::as<name>(wasm_externtype_as_##c_name(const_cast<wasm_externtype_t*>(c()))); \
  } \
  auto method() const -> const name* { \
    return detail::as<const name>(wasm_externtype_as_##c_name##_const(c())); \
  }
  WASM_AS_TYPE(FuncType, func, functype)
  WASM_AS_TYPE(GlobalType, global, globaltype)
  WASM_AS_TYPE(TableType, table, tabletype)
  WASM_AS_TYPE(MemoryType, memory, memorytype)
#undef WASM_AS_TYPE

 private:
  auto c() const -> const wasm_externtype_t* { return detail::as<const wasm_externtype_t>(this); }
};

class FuncType : public ExternType {
  WASM_DESTROY(functype)
  WASM_CLASS(FuncType)
  WASM_COPY(FuncType, functype)
  static auto make(
    ownvec<ValType>&& params = ownvec<ValType>::make(),
    ownvec<ValType>&& results = ownvec<ValType>::make()
  ) -> own<FuncType> {
    auto ps = give(params), rs = give(results);
    return detail::take<FuncType>(wasm_functype_new(&ps, &rs));
  }
  auto params() const -> const ownvec<ValType>& {
    return detail::see<ownvec<ValType>>(wasm_functype_params(c()));
  }
  auto results() const -> const ownvec<ValType>& {
    return detail::see<ownvec<ValType>>(wasm_functype_results(c()));
  }

 private:
  auto c() const -> const wasm_functype_t* { return detail::as<const wasm_functype_t>(this); }

  static auto give(ownvec<ValType>& types) -> wasm_valtype_vec_t {
    wasm_valtype_vec_t result;
    wasm_valtype_vec_new_uninitialized(&result, types ? types.size() : 0);
    for (size_t i = 0; i < result.size; i++) {
      result.data[i] = detail::as<wasm_valtype_t>(types[i].release());
    }
    return result;
  }
};

class GlobalType : public ExternType {
  WASM_DESTROY(globaltype)
  WASM_CLASS(GlobalType)
  WASM_COPY(GlobalType, globaltype)
  static auto make(own<ValType>&& content, Mutability mutability) -> own<GlobalType> {
    auto type = detail::as<wasm_valtype_t>(content.release());
    return detail::take<GlobalType>(
      wasm_globaltype_new(type, static_cast<wasm_mutability_t>(mutability)));
  }
  auto content() const -> const ValType* {
    return detail::as<const ValType>(wasm_globaltype_content(c()));
  }
  auto mutability() const -> Mutability {
    return static_cast<Mutability>(wasm_globaltype_mutability(c()));
  }

 private:
  auto c() const -> const wasm_globaltype_t* { return detail::as<const wasm_globaltype_t>(this); }
};

class TableType : public ExternType {
  WASM_DESTROY(tabletype)
  WASM_CLASS(TableType)
  WASM_COPY(TableType, tabletype)
  static auto make(own<ValType>&& element, Limits limits) -> own<TableType> {
    auto type = detail::as<wasm_valtype_t>(element.release());
    return detail::take<TableType>(
      wasm_tabletype_new(type, detail::as<const wasm_limits_t>(&limits)));
  }
  auto element() const -> const ValType* {
    return detail::as<const ValType>(wasm_tabletype_element(c()));
  }
  auto limits() const -> const Limits& {
    return detail::see<Limits>(wasm_tabletype_limits(c()));
  }

 private:
  auto c() const -> const wasm_tabletype_t* { return detail::as<const wasm_tabletype_t>(this); }
};

class MemoryType : public ExternType {
  WASM_DESTROY(memorytype)
  WASM_CLASS(MemoryType)
  WASM_COPY(MemoryType, memorytype)
  static auto make(Limits limits) -> own<MemoryType> {
    return detail::take<MemoryType>(
      wasm_memorytype_new(detail::as<const wasm_limits_t>(&limits)));
  }
  auto limits() const -> const Limits& {
    return detail::see<Limits>(
      wasm_memorytype_limits(detail::as<const wasm_memorytype_t>(this)));
  }
};

using Name = vec<byte_t>;

static_assert(sizeof(Name) == sizeof(wasm_name_t), "vectors are C's");

class ImportType {
  WASM_DESTROY(importtype)
  WASM_CLASS(ImportType)
  WASM_COPY(ImportType, importtype)
  static auto make(Name&& module, Name&& name, own<ExternType>&& type) -> own<ImportType> {
    auto m = detail::give_bytes(module), n = detail::give_bytes(name);
    auto t = detail::as<wasm_externtype_t>(type.release());
    return detail::take<ImportType>(wasm_importtype_new(&m, &n, t));
  }
  auto module() const -> const Name& { return detail::see<Name>(wasm_importtype_module(c())); }
  auto name() const -> const Name& { return detail::see<Name>(wasm_importtype_name(c())); }
  auto type() const -> const ExternType* {
    return detail::as<const ExternType>(wasm_importtype_type(c()));
  }

 private:
  auto c() const -> const wasm_importtype_t* { return detail::as<const wasm_importtype_t>(this); }
};

class ExportType {
  WASM_DESTROY(exporttype)
  WASM_CLASS(ExportType)
  WASM_COPY(ExportType, exporttype)
  static auto make(Name&& name, own<ExternType>&& type) -> own<ExportType> {
    auto n = detail::give_bytes(name);
    auto t = detail::as<wasm_externtype_t>(type.release());
    return detail::take<ExportType>(wasm_exporttype_new(&n, t));
  }
  auto name() const -> const Name& { return detail::see<Name>(wasm_exporttype_name(c())); }
  auto type() const -> const ExternType* {
    return detail::as<const ExternType>(wasm_exporttype_type(c()));
  }

 private:
  auto c() const -> const wasm_exporttype_t* { return detail::as<const wasm_exporttype_t>(this); }
};

/* ---- References and values ---- */

class Ref {
  WASM_DESTROY(ref)
  WASM_CLASS(Ref)
  WASM_COPY(Ref, ref)
  auto same(const Ref* that) const -> bool {
    return wasm_ref_same(c(), detail::as<const wasm_ref_t>(that));
  }
  auto get_host_info() const -> void* { return wasm_ref_get_host_info(c()); }
  void set_host_info(void* info, void (*finalizer)(void*) = nullptr) {
    wasm_ref_set_host_info_with_finalizer(detail::as<wasm_ref_t>(this), info, finalizer);
  }

 private:
  auto c() const -> const wasm_ref_t* { return detail::as<const wasm_ref_t>(this); }
};

/** A value, laid out like C's. */
class Val {
  ValKind kind_;
  union impl {
    int32_t i32;
    int64_t i64;
    float32_t f32;
    float64_t f64;
    Ref* ref;
  } impl_;

  Val(ValKind kind, impl impl) : kind_(kind), impl_(impl) {}

 public:
  Val() : kind_(ValKind::EXTERNREF) { impl_.ref = nullptr; }
  explicit Val(int32_t i) : kind_(ValKind::I32) { impl_.i32 = i; }
  explicit Val(int64_t i) : kind_(ValKind::I64) { impl_.i64 = i; }
  explicit Val(float32_t z) : kind_(ValKind::F32) { impl_.f32 = z; }
  explicit Val(float64_t z) : kind_(ValKind::F64) { impl_.f64 = z; }
  explicit Val(own<Ref>&& r) : kind_(ValKind::EXTERNREF) { impl_.ref = r.release(); }

  Val(Val&& that) : kind_(that.kind_), impl_(that.impl_) {
    if (is_ref()) that.impl_.ref = nullptr;
  }

  ~Val() { reset(); }

  auto is_num() const -> bool { return wasm::is_num(kind_); }
  auto is_ref() const -> bool { return wasm::is_ref(kind_); }

  static auto i32(int32_t x) -> Val { return Val(x); }
  static auto i64(int64_t x) -> Val { return Val(x); }
  static auto f32(float32_t x) -> Val { return Val(x); }
  static auto f64(float64_t x) -> Val { return Val(x); }
  static auto ref(own<Ref>&& x) -> Val { return Val(std::move(x)); }
  template <class T>
  inline static auto make(T x) -> Val;
  template <class T>
  inline static auto make(own<T>&& x) -> Val;

  void reset() {
    if (is_ref() && impl_.ref) {
      destroyer()(impl_.ref);
      impl_.ref = nullptr;
    }
  }

  void reset(Val& that) {
    reset();
    kind_ = that.kind_;
    impl_ = that.impl_;
    if (is_ref()) that.impl_.ref = nullptr;
  }

  auto operator=(Val&& that) -> Val& {
    reset(that);
    return *this;
  }

  auto kind() const -> ValKind { return kind_; }
  auto i32() const -> int32_t { return expect(ValKind::I32).i32; }
  auto i64() const -> int64_t { return expect(ValKind::I64).i64; }
  auto f32() const -> float32_t { return expect(ValKind::F32).f32; }
  auto f64() const -> float64_t { return expect(ValKind::F64).f64; }

  auto ref() const -> Ref* {
    assert(is_ref());
    return impl_.ref;
  }

  template <class T>
  inline auto get() const -> T;

  auto release_ref() -> own<Ref> {
    Ref* ref = this->ref();
    impl_.ref = nullptr;
    return own<Ref>(ref);
  }

  auto copy() const -> Val {
    impl copied = impl_;
    if (is_ref() && impl_.ref) copied.ref = impl_.ref->copy().release();
    return Val(kind_, copied);
  }

 private:
  auto expect(ValKind kind) const -> const impl& {
    assert(kind_ == kind);
    (void)kind;
    return impl_;
  }
};

static_assert(sizeof(Val) == sizeof(wasm_val_t), "values are C's");

template <> inline auto Val::make<int32_t>(int32_t x) -> Val { return Val(x); }
template <> inline auto Val::make<int64_t>(int64_t x) -> Val { return Val(x); }
template <> inline auto Val::make<float32_t>(float32_t x) -> Val { return Val(x); }
template <> inline auto Val::make<float64_t>(float64_t x) -> Val { return Val(x); }
template <> inline auto Val::make<Ref>(own<Ref>&& x) -> Val { return Val(std::move(x)); }
template <> inline auto Val::make<uint32_t>(uint32_t x) -> Val {
  return Val(static_cast<int32_t>(x));
}
template <> inline auto Val::make<uint64_t>(uint64_t x) -> Val {
  return Val(static_cast<int64_t>(x));
}

template <> inline auto Val::get<int32_t>() const -> int32_t { return i32(); }
template <> inline auto Val::get<int64_t>() const -> int64_t { return i64(); }
template <> inline auto Val::get<float32_t>() const -> float32_t { return f32(); }
template <> inline auto Val::get<float64_t>() const -> float64_t { return f64(); }
template <> inline auto Val::get<Ref*>() const -> Ref* { return ref(); }
template <> inline auto Val::get<uint32_t>() const -> uint32_t {
  return static_cast<uint32_t>(i32());
}
template <> inline auto Val::get<uint64_t>() const -> uint64_t {
  return static_cast<uint64_t>(i64());
}

/* ---- Traps ---- */

/** Ends with a null character. */
using Message = vec<byte_t>;

class Instance;

class Frame {
  WASM_DESTROY(frame)
  WASM_CLASS(Frame)
  WASM_COPY(Frame, frame)
  auto instance() const -> Instance* { return detail::as<Instance>(wasm_frame_instance(c())); }
  auto func_index() const -> uint32_t { return wasm_frame_func_index(c()); }
  auto func_offset() const -> size_t { return wasm_frame_func_offset(c()); }
  auto module_offset() const -> size_t { return wasm_frame_module_offset(c()); }

 private:
  auto c() const -> const wasm_frame_t* { return detail::as<const wasm_frame_t>(this); }
};

class Trap : public Ref {
  WASM_DESTROY(trap)
  WASM_CLASS(Trap)
  WASM_COPY(Trap, trap)
  static auto make(Store* store, const Message& message) -> own<Trap> {
    auto text = detail::lend_bytes(message);
    return detail::take<Trap>(wasm_trap_new(detail::as<wasm_store_t>(store), &text));
  }
  auto message() const -> Message {
    wasm_message_t message;
    wasm_trap_message(c(), &message);
    return detail::take_bytes(&message);
  }
  /** Null if no frame is known. */
  auto origin() const -> own<Frame> { return detail::take<Frame>(wasm_trap_origin(c())); }
  auto trace() const -> ownvec<Frame> {
    wasm_frame_vec_t frames;
    wasm_trap_trace(c(), &frames);
    return detail::take_all<Frame>(&frames, wasm_frame_vec_delete);
  }

 private:
  auto c() const -> const wasm_trap_t* { return detail::as<const wasm_trap_t>(this); }
};

/* ---- Modules ---- */

template <class T>
class Shared;
class Module;

template <>
class Shared<Module> {
  void destroy() { wasm_shared_module_delete(detail::as<wasm_shared_module_t>(this)); }
  WASM_CLASS(Shared)
};

class Module : public Ref {
  WASM_DESTROY(module)
  WASM_CLASS(Module)
  WASM_COPY(Module, module)
  static auto validate(Store* store, const vec<byte_t>& binary) -> bool {
    auto bytes = detail::lend_bytes(binary);
    return wasm_module_validate(detail::as<wasm_store_t>(store), &bytes);
  }
  static auto make(Store* store, const vec<byte_t>& binary) -> own<Module> {
    auto bytes = detail::lend_bytes(binary);
    return detail::take<Module>(wasm_module_new(detail::as<wasm_store_t>(store), &bytes));
  }
  auto imports() const -> ownvec<ImportType> {
    wasm_importtype_vec_t types;
    wasm_module_imports(c(), &types);
    return detail::take_all<ImportType>(&types, wasm_importtype_vec_delete);
  }
  auto exports() const -> ownvec<ExportType> {
    wasm_exporttype_vec_t types;
    wasm_module_exports(c(), &types);
    return detail::take_all<ExportType>(&types, wasm_exporttype_vec_delete);
  }
  auto share() const -> own<Shared<Module>> {
    return detail::take<Shared<Module>>(wasm_module_share(c()));
  }
  static auto obtain(Store* store, const Shared<Module>* shared) -> own<Module> {
    return detail::take<Module>(wasm_module_obtain(
      detail::as<wasm_store_t>(store), detail::as<const wasm_shared_module_t>(shared)));
  }
  auto serialize() const -> vec<byte_t> {
    wasm_byte_vec_t bytes;
    wasm_module_serialize(c(), &bytes);
    return detail::take_bytes(&bytes);
  }
  static auto deserialize(Store* store, const vec<byte_t>& serialized) -> own<Module> {
    auto bytes = detail::lend_bytes(serialized);
    return detail::take<Module>(wasm_module_deserialize(detail::as<wasm_store_t>(store), &bytes));
  }

 private:
  auto c() const -> const wasm_module_t* { return detail::as<const wasm_module_t>(this); }
};

class Foreign : public Ref {
  WASM_DESTROY(foreign)
  WASM_CLASS(Foreign)
  WASM_COPY(Foreign, foreign)
  static auto make(Store* store) -> own<Foreign> {
    return detail::take<Foreign>(wasm_foreign_new(detail::as<wasm_store_t>(store)));
  }
};

/* ---- What is imported and exported ---- */

class Func;
class Global;
class Table;
class Memory;

class Extern : public Ref {
  WASM_DESTROY(extern)
  WASM_CLASS(Extern)
  WASM_COPY(Extern, extern)
  auto kind() const -> ExternKind { return static_cast<ExternKind>(wasm_extern_kind(c())); }
  auto type() const -> own<ExternType> { return detail::take<ExternType>(wasm_extern_type(c())); }

#define WASM_AS_EXTERN(name, method) \
  auto method() -> name* { \
    return detail::as<name>(wasm_extern_as_##method(const_cast<wasm_extern_t*>(c()))); \
  } \
  auto method() const -> const name* { \
    return detail::as<const name>(wasm_extern_as_##method##_const(c())); \
  }
  WASM_AS_EXTERN(Func, func)
  WASM_AS_EXTERN(Global, global)
  WASM_AS_EXTERN(Table, table)
  WASM_AS_EXTERN(Memory, memory)
#undef WASM_AS_EXTERN

 private:
  auto c() const -> const wasm_extern_t* { return detail::as<const wasm_extern_t>(this); }
};

class Func : public Extern {
  WASM_DESTROY(func)
  WASM_CLASS(Func)
  WASM_COPY(Func, func)
  using callback = auto (*)(const vec<Val>&, vec<Val>&) -> own<Trap>;
  using callback_with_env = auto (*)(void*, const vec<Val>&, vec<Val>&) -> own<Trap>;

  static auto make(Store* store, const FuncType* type, callback f) -> own<Func> {
    return make(store, type, new (std::nothrow) Closure{f, nullptr, nullptr, nullptr});
  }

  static auto make(
    Store* store, const FuncType* type, callback_with_env f, void* env,
    void (*finalizer)(void*) = nullptr
  ) -> own<Func> {
    return make(store, type, new (std::nothrow) Closure{nullptr, f, env, finalizer});
  }

  auto type() const -> own<FuncType> { return detail::take<FuncType>(wasm_func_type(c())); }
  auto param_arity() const -> size_t { return wasm_func_param_arity(c()); }
  auto result_arity() const -> size_t { return wasm_func_result_arity(c()); }

  auto call(const vec<Val>& args, vec<Val>& results) const -> own<Trap> {
    for (size_t i = 0; results && i < results.size(); i++) results[i].reset();
    return detail::take<Trap>(wasm_func_call(
      c(), detail::as<const wasm_val_vec_t>(&args), detail::as<wasm_val_vec_t>(&results)));
  }

 private:
  auto c() const -> const wasm_func_t* { return detail::as<const wasm_func_t>(this); }

  struct Closure {
    callback plain;
    callback_with_env with_env;
    void* env;
    void (*finalizer)(void*);

    static void finalize(void* closure) {
      auto self = static_cast<Closure*>(closure);
      if (self->finalizer) self->finalizer(self->env);
      delete self;
    }

    static wasm_trap_t* call(
      void* closure, const wasm_val_vec_t* c_args, wasm_val_vec_t* c_results
    ) {
      auto self = static_cast<Closure*>(closure);
      auto& args = detail::see<vec<Val>>(c_args);
      auto& results = const_cast<vec<Val>&>(detail::see<vec<Val>>(c_results));
      auto trap =
        self->plain ? self->plain(args, results) : self->with_env(self->env, args, results);
      return detail::as<wasm_trap_t>(trap.release());
    }
  };

  static auto make(Store* store, const FuncType* type, Closure* closure) -> own<Func> {
    if (!closure) return own<Func>();
    return detail::take<Func>(wasm_func_new_with_env(
      detail::as<wasm_store_t>(store), detail::as<const wasm_functype_t>(type), Closure::call,
      closure, Closure::finalize));
  }
};

class Global : public Extern {
  WASM_DESTROY(global)
  WASM_CLASS(Global)
  WASM_COPY(Global, global)
  static auto make(Store* store, const GlobalType* type, const Val& value) -> own<Global> {
    return detail::take<Global>(wasm_global_new(
      detail::as<wasm_store_t>(store), detail::as<const wasm_globaltype_t>(type),
      detail::as<const wasm_val_t>(&value)));
  }
  auto type() const -> own<GlobalType> { return detail::take<GlobalType>(wasm_global_type(c())); }
  auto get() const -> Val {
    Val value;
    wasm_global_get(c(), detail::as<wasm_val_t>(&value));
    return value;
  }
  void set(const Val& value) {
    wasm_global_set(detail::as<wasm_global_t>(this), detail::as<const wasm_val_t>(&value));
  }

 private:
  auto c() const -> const wasm_global_t* { return detail::as<const wasm_global_t>(this); }
};

class Table : public Extern {
  WASM_DESTROY(table)
  WASM_CLASS(Table)
  WASM_COPY(Table, table)
  using size_t = uint32_t;

  static auto make(Store* store, const TableType* type, const Ref* init = nullptr) -> own<Table> {
    return detail::take<Table>(wasm_table_new(
      detail::as<wasm_store_t>(store), detail::as<const wasm_tabletype_t>(type),
      detail::as<wasm_ref_t>(init)));
  }
  auto type() const -> own<TableType> { return detail::take<TableType>(wasm_table_type(c())); }
  auto get(size_t index) const -> own<Ref> { return detail::take<Ref>(wasm_table_get(c(), index)); }
  auto set(size_t index, const Ref* value) -> bool {
    return wasm_table_set(detail::as<wasm_table_t>(this), index, detail::as<wasm_ref_t>(value));
  }
  auto size() const -> size_t { return wasm_table_size(c()); }
  auto grow(size_t delta, const Ref* init = nullptr) -> bool {
    return wasm_table_grow(detail::as<wasm_table_t>(this), delta, detail::as<wasm_ref_t>(init));
  }

 private:
  auto c() const -> const wasm_table_t* { return detail::as<const wasm_table_t>(this); }
};

class Memory : public Extern {
  WASM_DESTROY(memory)
  WASM_CLASS(Memory)
  WASM_COPY(Memory, memory)
  using pages_t = uint32_t;
  static const std::size_t page_size = 0x10000;

  static auto make(Store* store, const MemoryType* type) -> own<Memory> {
    return detail::take<Memory>(wasm_memory_new(
      detail::as<wasm_store_t>(store), detail::as<const wasm_memorytype_t>(type)));
  }
  auto type() const -> own<MemoryType> { return detail::take<MemoryType>(wasm_memory_type(c())); }
  auto data() const -> byte_t* { return wasm_memory_data(const_cast<wasm_memory_t*>(c())); }
  auto data_size() const -> std::size_t { return wasm_memory_data_size(c()); }
  auto size() const -> pages_t { return wasm_memory_size(c()); }
  auto grow(pages_t delta) -> bool {
    return wasm_memory_grow(detail::as<wasm_memory_t>(this), delta);
  }

 private:
  auto c() const -> const wasm_memory_t* { return detail::as<const wasm_memory_t>(this); }
};

class Instance : public Ref {
  WASM_DESTROY(instance)
  WASM_CLASS(Instance)
  WASM_COPY(Instance, instance)
  static auto make(
    Store* store, const Module* module, const vec<Extern*>& imports, own<Trap>* trap = nullptr
  ) -> own<Instance> {
    wasm_trap_t* c_trap = nullptr;
    auto instance = wasm_instance_new(
      detail::as<wasm_store_t>(store), detail::as<const wasm_module_t>(module),
      detail::as<const wasm_extern_vec_t>(&imports), &c_trap);
    auto owned = detail::take<Trap>(c_trap);
    if (trap) *trap = std::move(owned);
    return detail::take<Instance>(instance);
  }
  auto exports() const -> ownvec<Extern> {
    wasm_extern_vec_t items;
    wasm_instance_exports(detail::as<const wasm_instance_t>(this), &items);
    return detail::take_all<Extern>(&items, wasm_extern_vec_delete);
  }
};

#undef WASM_CLASS
#undef WASM_DESTROY
#undef WASM_COPY

}  // namespace wasm

#endif  // WASM_HH
