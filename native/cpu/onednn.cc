// Compiled in builds that found oneDNN, version 2 or 3. The library is loaded where it is chosen, through its C
// interface alone. So such a build works on a machine without the library, nobody else pays for its start, and no C++
// object of another standard library comes in.
#include "cpu/onednn.h"

#include <dlfcn.h>
#include <dnnl.h>
#include <dnnl_debug.h>

#include <array>
#include <map>
#include <type_traits>

#include "core/error.h"

namespace dfmerge {

namespace {

#if DNNL_VERSION_MAJOR >= 3
#define DFMERGE_DNNL_VIEWS(X) X(memory_desc_create_with_strides) X(memory_desc_create_with_tag) X(memory_desc_destroy)
#define DFMERGE_DNNL_PRODUCT(X) X(matmul_primitive_desc_create)
constexpr const char* kLibrary = "libdnnl.so.3";
#else
#define DFMERGE_DNNL_VIEWS(X) X(memory_desc_init_by_strides) X(memory_desc_init_by_tag)
#define DFMERGE_DNNL_PRODUCT(X) X(matmul_desc_init) X(primitive_desc_create)
constexpr const char* kLibrary = "libdnnl.so.2";
#endif
#define DFMERGE_DNNL_GENERAL(X) X(version) X(cpu_isa2str) X(get_effective_cpu_isa) X(engine_create) X(engine_destroy)
#define DFMERGE_DNNL_MEMORY(X) X(memory_create) X(memory_destroy) X(memory_desc_get_size) DFMERGE_DNNL_VIEWS(X)
#define DFMERGE_DNNL_STREAM(X) X(stream_create) X(stream_destroy) X(stream_wait) X(reorder_primitive_desc_create)
#define DFMERGE_DNNL_ATTR(X) X(primitive_attr_create) X(primitive_attr_destroy) X(primitive_attr_set_scratchpad_mode)
#define DFMERGE_DNNL_DESC(X) X(primitive_desc_destroy) X(primitive_desc_query_md) DFMERGE_DNNL_PRODUCT(X)
#define DFMERGE_DNNL_PRIMITIVE(X) X(primitive_create) X(primitive_destroy) X(primitive_execute) DFMERGE_DNNL_DESC(X)
#define DFMERGE_DNNL_OBJECTS(X) DFMERGE_DNNL_MEMORY(X) DFMERGE_DNNL_STREAM(X) DFMERGE_DNNL_ATTR(X)
#define DFMERGE_DNNL(X) DFMERGE_DNNL_GENERAL(X) DFMERGE_DNNL_OBJECTS(X) DFMERGE_DNNL_PRIMITIVE(X)

// The library's functions, named without dnnl_.
struct Library {
#define DFMERGE_MEMBER(name) decltype(&dnnl_##name) name;
  DFMERGE_DNNL(DFMERGE_MEMBER)
  int (*omp_get_max_threads)();  // null where it has no threads of its own
  void (*omp_set_num_threads)(int);
  std::string problem;  // why it cannot be used; empty where it can
};

Library load() {
  Library l{};
  void* handle = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* reason = dlerror();
    l.problem = reason ? reason : kLibrary;
    return l;
  }
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    if (!function && l.problem.empty()) l.problem = std::string(kLibrary) + " has no " + name;
  };
#define DFMERGE_FIND(name) find(l.name, "dnnl_" #name);
  DFMERGE_DNNL(DFMERGE_FIND)
  if (!l.problem.empty()) return l;
  const unsigned runtime = l.version()->cpu_runtime;
  if (runtime == DNNL_RUNTIME_OMP) {
    find(l.omp_get_max_threads, "omp_get_max_threads");
    find(l.omp_set_num_threads, "omp_set_num_threads");
  } else if (runtime != DNNL_RUNTIME_SEQ) {
    l.problem = std::string(kLibrary) +
                " has threads other than OpenMP's, so that its products cannot be kept to the thread that calls them";
  }
  return l;
}

const Library& library() {
  static const Library loaded = load();
  return loaded;
}

// Keeps oneDNN to the calling thread for a scope. Its own threads would cut C and the depth by their number, and so
// change the bits.
class OneThread {
 public:
  OneThread() : before_(library().omp_get_max_threads ? library().omp_get_max_threads() : 1) { set(1); }
  ~OneThread() { set(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  void set(int threads) const {
    if (before_ != 1) library().omp_set_num_threads(threads);
  }
  const int before_;
};

void check(dnnl_status_t status, const char* what) {
  if (status != dnnl_success)
    fail("UNSUPPORTED", "oneDNN could not %s (status %d): DFMERGE_MATMUL=builtin does without it", what,
         static_cast<int>(status));
}

// Owns one of oneDNN's objects.
template <class T>
struct Handle {
  using Destroy = dnnl_status_t (*)(T);
  explicit Handle(Destroy function) : destroy(function) {}
  ~Handle() {
    if (value) destroy(value);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  T value = nullptr;
  const Destroy destroy;
};

// A matrix in memory as oneDNN describes it: at strides, or packed as a product likes it best.
class Layout {
 public:
#if DNNL_VERSION_MAJOR >= 3
  using View = const_dnnl_memory_desc_t;
  Layout(dnnl_data_type_t type, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
    const dnnl_dims_t dims{rows, columns}, strides{row_stride, column_stride};
    check(library().memory_desc_create_with_strides(&description_.value, 2, dims, type, strides), "describe a matrix");
  }
  Layout(dnnl_data_type_t type, int64_t rows, int64_t columns) {
    const dnnl_dims_t dims{rows, columns};
    check(library().memory_desc_create_with_tag(&description_.value, 2, dims, type, dnnl_format_tag_any),
          "describe a packed matrix");
  }
  View view() const { return description_.value; }

 private:
  Handle<dnnl_memory_desc_t> description_{library().memory_desc_destroy};
#else
  using View = const dnnl_memory_desc_t*;
  Layout(dnnl_data_type_t type, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
    const dnnl_dims_t dims{rows, columns}, strides{row_stride, column_stride};
    check(library().memory_desc_init_by_strides(&description_, 2, dims, type, strides), "describe a matrix");
  }
  Layout(dnnl_data_type_t type, int64_t rows, int64_t columns) {
    const dnnl_dims_t dims{rows, columns};
    check(library().memory_desc_init_by_tag(&description_, 2, dims, type, dnnl_format_tag_any),
          "describe a packed matrix");
  }
  View view() const { return &description_; }

 private:
  dnnl_memory_desc_t description_;
#endif
};

int64_t words(Layout::View layout) { return static_cast<int64_t>(library().memory_desc_get_size(layout) + 3) / 4; }

// A piece of work that oneDNN has compiled. Its scratch memory comes from the caller, because oneDNN's own is not meant
// for several threads.
struct Primitive {
  Handle<dnnl_primitive_desc_t> description{library().primitive_desc_destroy};
  Handle<dnnl_primitive_t> primitive{library().primitive_destroy};

  Layout::View layout(dnnl_query_t what) const { return library().primitive_desc_query_md(description.value, what, 0); }
  // Returns how many words of scratch memory the work needs.
  int64_t compile() {
    check(library().primitive_create(&primitive.value, description.value), "compile a product");
    return words(layout(dnnl_query_scratchpad_md));
  }

  struct Operand {
    int name;
    dnnl_query_t layout;
    const void* data;
  };
  template <size_t N>
  void execute(dnnl_engine_t engine, dnnl_stream_t stream, const std::array<Operand, N>& operands) const {
    const Library& l = library();
    const OneThread one;
    std::array<dnnl_exec_arg_t, N> arguments{};
    dnnl_status_t status = dnnl_success;
    for (size_t i = 0; i < N && status == dnnl_success; ++i) {
      arguments[i].arg = operands[i].name;
      status = l.memory_create(&arguments[i].memory, layout(operands[i].layout), engine,
                               const_cast<void*>(operands[i].data));
    }
    if (status == dnnl_success)
      status = l.primitive_execute(primitive.value, stream, static_cast<int>(N), arguments.data());
    if (status == dnnl_success) status = l.stream_wait(stream);
    for (const dnnl_exec_arg_t& argument : arguments)
      if (argument.memory) l.memory_destroy(argument.memory);
    check(status, "multiply");
  }
};

struct CompiledBlock : Onednn::Block, Primitive {};
struct CompiledPacking : Onednn::Packing, Primitive {};

const Library& usable_library() {
  const Library& l = library();
  if (!l.problem.empty()) fail("UNSUPPORTED", "oneDNN cannot be used: %s", l.problem.c_str());
  return l;
}

class LoadedOnednn : public Onednn {
 public:
  explicit LoadedOnednn(bool bf16) : l_(usable_library()), operands_(bf16 ? dnnl_bf16 : dnnl_f32) {
    check(l_.engine_create(&engine_.value, dnnl_cpu, 0), "start");
    check(l_.stream_create(&stream_.value, engine_.value, dnnl_stream_default_flags), "start");
    check(l_.primitive_attr_create(&attributes_.value), "start");
    check(l_.primitive_attr_set_scratchpad_mode(attributes_.value, dnnl_scratchpad_mode_user), "start");
    const dnnl_version_t& version = *l_.version();
    std::string isa = l_.cpu_isa2str(l_.get_effective_cpu_isa());
    if (isa.rfind("cpu_isa_", 0) == 0) isa.erase(0, 8);
    const auto number = [](int n) { return std::to_string(n); };
    name_ = "oneDNN " + number(version.major) + "." + number(version.minor) + "." + number(version.patch) + " (" + isa +
            ")";
    Primitive probe;
    if (!describe(probe, 16, 16, 16, nullptr))
      fail("UNSUPPORTED", "%s has no %s products", name_.c_str(), bf16 ? "bfloat16" : "float32");
  }

  const std::string& name() const override { return name_; }

  int64_t packed_words(int64_t columns, int64_t depth) override { return words(packed(columns, depth)); }

  const Block& block(int64_t rows, int64_t columns, int64_t depth) override {
    const std::array<int64_t, 3> key{rows, columns, depth};
    if (const auto found = blocks_.find(key); found != blocks_.end()) return *found->second;
    auto made = std::make_unique<CompiledBlock>();
    const OneThread one;
    if (!describe(*made, rows, columns, depth, packed(columns, depth))) check(dnnl_unimplemented, "prepare a product");
    made->scratch_words = made->compile();
    return *(blocks_[key] = std::move(made));
  }

  const Packing& packing(int64_t columns, int64_t depth, int64_t row_stride, int64_t column_stride) override {
    const std::array<int64_t, 4> key{columns, depth, row_stride, column_stride};
    if (const auto found = packings_.find(key); found != packings_.end()) return *found->second;
    auto made = std::make_unique<CompiledPacking>();
    const OneThread one;
    const Layout source(dnnl_f32, depth, columns, row_stride, column_stride);
    check(l_.reorder_primitive_desc_create(&made->description.value, source.view(), engine_.value,
                                           packed(columns, depth), engine_.value, attributes_.value),
          "prepare a packing");
    made->scratch_words = made->compile();
    return *(packings_[key] = std::move(made));
  }

  void multiply(const Block& block, const void* a, const float* b, float* c, float* scratch) const override {
    const std::array<Primitive::Operand, 4> operands{{{DNNL_ARG_SRC, dnnl_query_src_md, a},
                                                      {DNNL_ARG_WEIGHTS, dnnl_query_weights_md, b},
                                                      {DNNL_ARG_DST, dnnl_query_dst_md, c},
                                                      {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, scratch}}};
    static_cast<const CompiledBlock&>(block).execute(engine_.value, stream_.value, operands);
  }

  void pack(const Packing& packing, const float* source, float* packed, float* scratch) const override {
    const std::array<Primitive::Operand, 3> operands{{{DNNL_ARG_FROM, dnnl_query_src_md, source},
                                                      {DNNL_ARG_TO, dnnl_query_dst_md, packed},
                                                      {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md, scratch}}};
    static_cast<const CompiledPacking&>(packing).execute(engine_.value, stream_.value, operands);
  }

 private:
  // Where b is null, the packed layout is the one that suits the product best. Returns false where oneDNN has no such
  // product.
  bool describe(Primitive& p, int64_t rows, int64_t columns, int64_t depth, Layout::View b) const {
    const OneThread one;
    const Layout a(operands_, rows, depth, depth, 1), any(operands_, depth, columns),
        c(dnnl_f32, rows, columns, columns, 1);
    if (!b) b = any.view();
#if DNNL_VERSION_MAJOR >= 3
    return l_.matmul_primitive_desc_create(&p.description.value, engine_.value, a.view(), b, nullptr, c.view(),
                                           attributes_.value) == dnnl_success;
#else
    dnnl_matmul_desc_t product;
    return l_.matmul_desc_init(&product, a.view(), b, nullptr, c.view()) == dnnl_success &&
           l_.primitive_desc_create(&p.description.value, &product, attributes_.value, engine_.value, nullptr) ==
               dnnl_success;
#endif
  }

  // The layout in which B is packed for blocks of any height, which is the one that suits the tallest.
  Layout::View packed(int64_t columns, int64_t depth) {
    auto& tallest = tallest_[{columns, depth}];
    if (!tallest) {
      auto made = std::make_unique<Primitive>();
      if (!describe(*made, kMostRows, columns, depth, nullptr)) check(dnnl_unimplemented, "prepare a product");
      tallest = std::move(made);
    }
    return tallest->layout(dnnl_query_weights_md);
  }

  const Library& l_;
  const dnnl_data_type_t operands_;
  std::string name_;
  Handle<dnnl_engine_t> engine_{l_.engine_destroy};
  Handle<dnnl_stream_t> stream_{l_.stream_destroy};  // on a CPU it holds no state, so threads may share it
  Handle<dnnl_primitive_attr_t> attributes_{l_.primitive_attr_destroy};
  std::map<std::array<int64_t, 2>, std::unique_ptr<Primitive>> tallest_;
  std::map<std::array<int64_t, 3>, std::unique_ptr<CompiledBlock>> blocks_;
  std::map<std::array<int64_t, 4>, std::unique_ptr<CompiledPacking>> packings_;
};

}  // namespace

std::unique_ptr<Onednn> make_onednn(bool bf16) { return std::make_unique<LoadedOnednn>(bf16); }

}  // namespace dfmerge
