/** The paper of DF-Merge, which more than one method comes from, as a BibTeX entry. */
export const LEE_2025 = `@inproceedings{lee-etal-2025-dynamic,
  title = {Dynamic {F}isher-weighted Model Merging via {B}ayesian Optimization},
  author = {Lee, Sanwoo and Liu, Jiahao and Wang, Qifan and Wang, Jingang and Cai, Xunliang and Wu, Yunfang},
  booktitle = {Proceedings of the 2025 Conference of the Nations of the Americas Chapter of the Association for Computational Linguistics: Human Language Technologies (Volume 1: Long Papers)},
  month = apr,
  year = {2025},
  address = {Albuquerque, New Mexico},
  publisher = {Association for Computational Linguistics},
  pages = {4923--4935},
  doi = {10.18653/v1/2025.naacl-long.254},
  url = {https://aclanthology.org/2025.naacl-long.254/}
}`;
